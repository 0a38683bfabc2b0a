"""One run in the background: it ends for one reason, says it once, and no error dies in its thread."""

import threading

from tlkit.widgets.background import TIME_IS_UP, Background


def _started(work, log=None):
    log = [] if log is None else log
    return Background(work, lambda job: log.append((job.why, job.is_alive))), log


def test_work_that_is_done_says_so():
    job, log = _started(lambda job: None)
    job.wait()
    assert (job.why, job.error, job.is_alive) == ("Done.", None, False)
    assert log == [("Done.", True), ("Done.", False)], "once when it ends, once when its thread has"


def test_an_error_is_a_reason_and_is_kept():
    job, _ = _started(lambda job: 1 / 0)
    job.wait()
    assert job.why == "It did not run: division by zero" and isinstance(job.error, ZeroDivisionError)


def test_an_error_after_the_stop_is_kept_too():
    ended = threading.Event()

    def work(job):
        ended.wait(10)
        raise OSError("the disk is full")

    job, _ = _started(work)
    job.end("Stopped.")
    ended.set()
    job.wait()
    assert job.why == "Stopped." and str(job.error) == "the disk is full"


def test_it_ends_at_once_though_its_thread_works_on():
    noticed = threading.Event()
    job, log = _started(lambda job: noticed.wait(10))
    job.end("Stopped.")
    job.end("Another reason.")
    assert job.why == "Stopped." and job.is_alive and log == [("Stopped.", True)]
    kept = []
    assert not job.unless_ended(lambda: kept.append(1))
    noticed.set()
    job.wait()
    assert not kept and not job.is_alive, "what comes later is not kept"


def test_its_seconds_count_from_when_it_says_so():
    over = threading.Event()

    def work(job):
        job.start_clock(0.01)
        began = job.began
        job.start_clock(1000)
        assert job.began == began, "a second call changes nothing"
        over.wait(10)

    job = Background(work, lambda job: over.set())
    job.wait()
    assert job.why == TIME_IS_UP and job.error is None


def test_what_is_finished_in_time_is_not_ended_by_the_clock():
    kept = []

    def work(job):
        job.start_clock(1000)
        assert job.unless_ended(lambda: kept.append(1))

    job, _ = _started(work)
    job.wait()
    assert job.why == "Done." and kept == [1]
