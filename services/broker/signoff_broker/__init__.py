"""The broker: one loop per partition that decides, stores and then tells."""
