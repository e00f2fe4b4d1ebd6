"""Queues, limits and the beat table: data, and every word of it is about a job that exists."""

import importlib

from annotate.celery import MOST_UNREAD, MemoryScheduler, app, is_unread
from annotate.embedded.run import QUEUES
from annotate.environment import celery_broker_url
from tasks.jobs.policy import POLICIES, Queue, beat_table, job_modules
from tasks.vocabulary import JobName


def test_every_job_has_a_policy() -> None:
    assert set(POLICIES) == set(JobName)


def test_every_job_is_registered_by_the_module_that_its_name_says() -> None:
    for module in job_modules():
        importlib.import_module(module)
    named = {str(job): f"tasks.jobs.{job.partition('.')[0]}" for job in JobName}
    assert {name: task.__module__ for name, task in app.tasks.items() if not name.startswith("celery.")} == named


def test_every_job_is_routed_to_a_queue_that_the_run_reads() -> None:
    """But for the one of workers with a model: the run's own looks for its requests by itself."""
    assert set(QUEUES.split(",")) == {str(queue) for queue in Queue} - {"generate"}
    routes = {str(job): app.amqp.router.route({}, str(job))["queue"].name for job in JobName}
    assert routes == {str(job): str(policy.queue) for job, policy in POLICIES.items()}


def test_every_job_is_told_to_stop_before_it_is_killed() -> None:
    assert [job for job, policy in POLICIES.items() if policy.soft_limit >= policy.hard_limit] == []


def test_limits_reach_the_tasks() -> None:
    for module in job_modules():
        importlib.import_module(module)
    app.finalize()
    limits = {job: (app.tasks[str(job)].soft_time_limit, app.tasks[str(job)].time_limit) for job in JobName}
    assert limits == {job: (policy.soft_limit, policy.hard_limit) for job, policy in POLICIES.items()}


def test_beat_sends_every_sweep_at_its_start_and_keeps_no_file() -> None:
    scheduler = MemoryScheduler(app=app)
    assert set(scheduler.schedule) == set(beat_table())
    assert all(entry.is_due().is_due for entry in scheduler.schedule.values())
    assert not hasattr(scheduler, "schedule_filename")


def test_celery_acknowledges_early_and_keeps_no_results() -> None:
    assert (app.conf.task_acks_late, app.conf.result_backend, app.conf.task_ignore_result) == (False, None, True)
    assert (app.conf.accept_content, app.conf.task_serializer) == (["json"], "json")


def test_beat_fills_no_queue_that_nobody_reads(redis_url) -> None:
    job, queue = str(JobName.GENERATE_LOCALLY), str(Queue.GENERATE)
    with app.connection_for_write(celery_broker_url(f"{redis_url}?db=11")) as connection:
        producer = app.amqp.Producer(connection)
        client = connection.default_channel.client
        client.delete(queue)
        assert not is_unread(job, producer)
        entry = MemoryScheduler(app=app).schedule[job]
        scheduler = MemoryScheduler(app=app)
        for _ in range(MOST_UNREAD + 20):
            scheduler.apply_async(entry, producer=producer, advance=False)
        assert client.llen(queue) == MOST_UNREAD
        client.lpop(queue)
        scheduler.apply_async(entry, producer=producer, advance=False)
        assert client.llen(queue) == MOST_UNREAD
        client.delete(queue)


def test_beat_sends_all_the_same_where_it_cannot_be_told_what_waits() -> None:
    assert not is_unread(str(JobName.GENERATE_LOCALLY), None)
    assert not is_unread(str(JobName.GENERATE_LOCALLY), object())
