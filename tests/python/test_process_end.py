"""Processes that end or are forked while brokers run: nothing hangs, nothing is printed, nothing is left behind."""

import multiprocessing
import os
import subprocess
import sys
import tempfile
import textwrap

import pytest

import libbroker

needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")


# From 3.12 on Python warns of every fork with threads, which is what is tested here.
IN_SPITE_OF_THREADS = ["-W", "ignore:This process:DeprecationWarning"]


def run(script: str, *flags: str, code: int = 0) -> subprocess.CompletedProcess:
    """Runs a script in a Python of its own."""
    command = [sys.executable, *IN_SPITE_OF_THREADS, *flags, "-c", textwrap.dedent(script)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == code, done.stderr
    return done


def assert_clean(done: subprocess.CompletedProcess) -> None:
    """Silent, and the store that it printed is gone."""
    assert done.stderr == ""
    assert not os.path.exists(done.stdout.strip())


def test_a_process_that_forgets_to_stop_ends_and_cleans_up():
    assert_clean(run("import libbroker; broker = libbroker.start(); print(broker.store_dir)"))


def test_development_mode_names_the_forgotten_broker():
    done = run("import libbroker; broker = libbroker.start(); print(broker.store_dir)", "-X", "dev")
    assert "ResourceWarning" in done.stderr and "was not stopped" in done.stderr
    assert len(done.stderr.splitlines()) <= 3
    assert not os.path.exists(done.stdout.strip())


def test_development_mode_is_silent_about_a_stopped_broker():
    done = run("import libbroker\nwith libbroker.start() as broker: print(broker.store_dir)", "-X", "dev")
    assert_clean(done)


def test_warnings_as_errors_stop_the_broker_all_the_same():
    script = "import libbroker; broker = libbroker.start(); print(broker.store_dir)"
    assert not os.path.exists(run(script, "-W", "error").stdout.strip())
    script = "import libbroker; broker = libbroker.start(); print(broker.store_dir); del broker"
    assert not os.path.exists(run(script, "-W", "error").stdout.strip())


def test_an_exception_that_ends_the_process_is_all_that_is_printed():
    script = """
        import libbroker
        broker = libbroker.start()
        print(broker.store_dir)
        raise SystemExit(3)
    """
    assert_clean(run(script, code=3))


def test_exit_from_a_thread_ends_the_thread_only():
    script = """
        import sys, threading, libbroker
        broker = libbroker.start()
        thread = threading.Thread(target=lambda: (broker.address, sys.exit(5)))
        thread.start()
        thread.join()
        assert broker.running
        print(broker.store_dir)
    """
    assert_clean(run(script))


def test_a_broker_that_another_thread_started_is_stopped_at_the_end():
    script = """
        import threading, libbroker
        brokers = []
        thread = threading.Thread(target=lambda: brokers.append(libbroker.start()))
        thread.start()
        thread.join()
        print(brokers[0].store_dir)
    """
    assert_clean(run(script))


def test_the_end_while_daemon_threads_start_and_stop_brokers():
    script = """
        import threading, libbroker
        begun = threading.Event()

        def forever():
            while True:
                with libbroker.Broker():
                    begun.set()

        for _ in range(3):
            threading.Thread(target=forever, daemon=True).start()
        begun.wait()
    """
    assert run(script).stderr == ""


@pytest.mark.parametrize(
    "call",
    [
        "next(broker.consume('T', 'g'))",
        "[message.ack() for message in broker.consume('T', 'g')]",
        "broker.pull('T', 0, 0, timeout=60)",
        "broker.wait_for('T', 10**9, timeout=60)",
        "[broker.send('T', 'x') for _ in iter(int, 1)]",
        "asyncio.run(broker.consume('T', 'g').__anext__())",
        "asyncio.run(broker.wait_for_async('T', 10**9))",
    ],
)
def test_the_end_while_a_daemon_thread_is_in_a_call(call):
    script = f"""
        import asyncio, threading, time, libbroker
        broker = libbroker.start()
        broker.create_topic("T")
        begun = threading.Event()

        def work():
            begun.set()
            {call}

        threading.Thread(target=work, daemon=True).start()
        begun.wait()
        time.sleep(0.1)
        print(broker.store_dir)
    """
    assert_clean(run(script))


def test_exit_from_a_handler_of_the_log_ends_the_log_only():
    script = """
        import logging, libbroker, sys

        class Exits(logging.Handler):
            def emit(self, record):
                sys.exit(5)

        logging.basicConfig(level=logging.INFO, handlers=[Exits()])
        broker = libbroker.start(log=True)
        broker.send("T", "goes on")
        assert broker.message_count("T") == 1
        print(broker.store_dir)
    """
    assert_clean(run(script))


def test_the_end_with_consumers_and_messages_at_hand():
    script = """
        import libbroker
        broker = libbroker.start()
        broker.send("T", "one")
        broker.send("T", "two")
        consumer = broker.consume("T", "g")
        message = next(consumer)
        iterator = iter(broker.consume("T", "other"))
        print(broker.store_dir)
    """
    assert_clean(run(script))


def test_the_end_inside_of_an_asyncio_program():
    script = """
        import asyncio, libbroker

        async def main():
            broker = await libbroker.Broker().start_async()
            print(broker.store_dir)
            asyncio.ensure_future(broker.consume("T", "g").__anext__())
            await asyncio.sleep(0.05)
            raise SystemExit(0)

        asyncio.run(main())
    """
    assert_clean(run(script))


@needs_fork
def test_a_forked_child_cannot_use_what_it_was_given_before():
    script = """
        import os, libbroker
        broker = libbroker.start()
        broker.send("T", "one")
        consumer = broker.consume("T", "g")
        message = next(consumer)
        child = os.fork()
        if child == 0:
            for call in (message.ack, consumer.close, lambda: next(consumer), lambda: broker.send("T", "x")):
                try:
                    call()
                except libbroker.Forked:
                    continue
                raise SystemExit("no exception")
            assert message.text == "one"
            del message, consumer, call
            raise SystemExit(0)
        assert os.waitpid(child, 0)[1] == 0
        message.ack()
        assert broker.lag("g") == 0
        broker.stop()
        print(broker.store_dir)
    """
    assert_clean(run(script))


def test_an_immediate_exit_leaves_a_store_that_opens(tmp_path):
    script = f"import os, libbroker; broker = libbroker.start({str(tmp_path)!r}); os._exit(0)"
    assert run(script).stderr == ""
    with libbroker.start(tmp_path) as broker:
        assert broker.running


@needs_fork
def test_a_forked_child_is_told_that_the_broker_stayed_behind():
    script = """
        import os, libbroker, socket
        broker = libbroker.start()
        child = os.fork()
        if child == 0:
            assert not broker.running
            try:
                broker.address
            except libbroker.Forked as error:
                assert isinstance(error, libbroker.Stopped) and error.code == "FORKED"
                assert "fork" in str(error)
            else:
                raise SystemExit("no exception")
            broker.stop()
            repr(broker)
            raise SystemExit(0)
        assert os.waitpid(child, 0)[1] == 0
        host, port = broker.address.rsplit(":", 1)
        socket.create_connection((host, int(port))).close()
        assert broker.store_dir.exists()
        broker.stop()
        print(broker.store_dir)
    """
    assert_clean(run(script))


@needs_fork
def test_a_child_forked_while_a_broker_ran_cannot_start_one():
    script = """
        import os, libbroker
        broker = libbroker.start()
        child = os.fork()
        if child == 0:
            try:
                libbroker.start()
            except libbroker.Forked as error:
                print(error, flush=True)
                raise SystemExit(0)
            raise SystemExit("no exception")
        assert os.waitpid(child, 0)[1] == 0
        libbroker.start().stop()
        broker.stop()
    """
    done = run(script)
    assert "forked while a broker ran" in done.stdout and done.stderr == ""


@needs_fork
def test_a_child_forked_before_the_start_or_after_the_stop_starts_its_own():
    script = """
        import os, libbroker
        for _ in range(2):
            child = os.fork()
            if child == 0:
                with libbroker.Broker() as broker:
                    assert broker.address
                raise SystemExit(0)
            assert os.waitpid(child, 0)[1] == 0
            broker = libbroker.start()
            broker.stop()
        print(broker.store_dir)
    """
    assert_clean(run(script))


@needs_fork
def test_a_child_that_lives_on_holds_neither_store_nor_ports(tmp_path):
    script = f"""
        import os, libbroker
        broker = libbroker.start({str(tmp_path)!r})
        port = int(broker.address.rsplit(":", 1)[1])
        ours, theirs = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(theirs)
            os.read(ours, 1)
            os._exit(0)
        broker.stop()
        with libbroker.Broker({str(tmp_path)!r}, port=port):
            pass
        os.close(theirs)
        assert os.waitpid(child, 0)[1] == 0
    """
    assert run(script).stderr == ""


@needs_fork
@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_multiprocessing(method):
    script = f"""
        import multiprocessing, libbroker

        def use(broker_or_none):
            try:
                broker.address
            except libbroker.Forked:
                return "forked"
            except NameError:
                return "not there"

        if __name__ == "__main__":
            context = multiprocessing.get_context({method!r})
            with libbroker.Broker() as broker:
                with context.Pool(2) as pool:
                    print(set(pool.map(use, range(4))))
                assert broker.running
    """
    assert method in multiprocessing.get_all_start_methods()
    # Spawned children import the main program, so it has to be a file.
    with tempfile.NamedTemporaryFile("w", suffix=".py") as program:
        program.write(textwrap.dedent(script))
        program.flush()
        command = [sys.executable, *IN_SPITE_OF_THREADS, program.name]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == {"fork": "{'forked'}\n", "spawn": "{'not there'}\n"}[method]


def test_importing_starts_no_thread_and_prints_nothing():
    script = """
        import os
        before = len(os.listdir("/proc/self/task")) if os.path.exists("/proc/self/task") else 0
        import libbroker
        after = len(os.listdir("/proc/self/task")) if os.path.exists("/proc/self/task") else 0
        assert before == after
    """
    done = run(script)
    assert (done.stdout, done.stderr) == ("", "")
