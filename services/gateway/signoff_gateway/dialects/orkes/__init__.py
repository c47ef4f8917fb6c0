"""The dialect of Orkes Conductor: human tasks, forms, workflows, tasks (``/api/**``)."""
