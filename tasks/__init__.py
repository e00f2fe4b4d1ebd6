"""The worker side: pure computation, file formats and Celery jobs."""
