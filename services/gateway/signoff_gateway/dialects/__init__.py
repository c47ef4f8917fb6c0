"""REST dialects, one package each: their routes, models, texts."""
