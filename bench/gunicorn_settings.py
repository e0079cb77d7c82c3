"""Nothing: so that the benchmark's own flags are all there is, and not those of the product's `gunicorn.conf.py`."""
