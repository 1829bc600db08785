"""The fixtures for pytest, as a project sees them that has installed the package."""

import importlib.metadata
import os

import pytest

pytest_plugins = ["pytester"]


def test_the_plugin_is_an_entry_point():
    points = importlib.metadata.distribution("libbroker").entry_points
    found = [point.value for point in points if (point.group, point.name) == ("pytest11", "libbroker")]
    assert found == ["libbroker.pytest_plugin"]


def test_one_broker_and_a_topic_for_each_test(pytester):
    pytester.makepyfile(
        """
        import pytest

        seen = {}

        @pytest.mark.parametrize("number", [1, 2])
        def test_topics(rocketmq_broker, rocketmq_topic, rocketmq_group, number):
            assert rocketmq_broker.message_count(rocketmq_topic) == 0
            rocketmq_broker.send(rocketmq_topic, str(number))
            (message,) = rocketmq_broker.consume(rocketmq_topic, rocketmq_group, timeout=0.2)
            message.ack()
            assert message.text == str(number)
            seen[number] = rocketmq_broker, rocketmq_topic, rocketmq_group

        def test_they_are_gone():
            (one, topic, group), (two, other_topic, other_group) = seen[1], seen[2]
            assert one is two and topic != other_topic and group != other_group
            assert not {topic, other_topic} & {topic.name for topic in one.topics()}
            assert not {group, other_group} & {group.name for group in one.groups()}

        @pytest.mark.parametrize("text", ["a/b c", "ü" * 50, "x" * 500])
        def test_names(rocketmq_topic, text):
            assert "test_names" in rocketmq_topic

        def test_a_test_may_clear(rocketmq_broker, rocketmq_topic, rocketmq_group):
            rocketmq_broker.clear()
        """
    )
    pytester.runpytest_subprocess("-W", "error").assert_outcomes(passed=7)


def test_the_broker_is_stopped_at_the_end_and_not_started_in_vain(pytester):
    pytester.makepyfile(
        test_used="""
        def test_used(rocketmq_broker):
            with open("store", "w") as file:
                file.write(str(rocketmq_broker.store_dir))
        """,
        test_unused="""
        import threading

        def test_unused():
            assert threading.active_count() == 1
        """,
    )
    result = pytester.runpytest_subprocess()
    result.assert_outcomes(passed=2)
    assert not os.path.exists((pytester.path / "store").read_text())


def test_options_come_from_a_fixture_of_the_project(pytester):
    pytester.makeconftest(
        """
        import pytest

        @pytest.fixture(scope="session")
        def rocketmq_broker_options():
            return {"clock": "manual", "properties": {"brokerName": "mine"}}
        """
    )
    pytester.makepyfile(
        """
        def test_options(rocketmq_broker, rocketmq_topic):
            assert rocketmq_broker.broker_name == "mine"
            rocketmq_broker.send(rocketmq_topic, "later", delay_level=18)
            rocketmq_broker.advance(2 * 3600 + 1)
            rocketmq_broker.wait_for(rocketmq_topic, 1)
        """
    )
    pytester.runpytest_subprocess().assert_outcomes(passed=1)


def test_properties_come_from_the_configuration(pytester):
    pytester.makeini("[pytest]\nrocketmq_properties =\n    brokerName = from-ini\n    flushDiskType=SYNC_FLUSH\n")
    pytester.makepyfile(
        """
        def test_properties(rocketmq_broker):
            assert rocketmq_broker.broker_name == "from-ini"
            assert rocketmq_broker.config()["flushDiskType"] == "SYNC_FLUSH"
        """
    )
    pytester.runpytest_subprocess().assert_outcomes(passed=1)


@pytest.mark.parametrize("line, text", [("brokerName", "is not name=value"), ("noSuchKey=1", "noSuchKey")])
def test_a_wrong_property_is_named(pytester, line, text):
    pytester.makeini(f"[pytest]\nrocketmq_properties = {line}\n")
    pytester.makepyfile("def test_properties(rocketmq_broker): pass")
    result = pytester.runpytest_subprocess()
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines([f"*{text}*"])


def test_the_fixtures_are_listed_with_what_they_are(pytester):
    result = pytester.runpytest_subprocess("--fixtures")
    result.stdout.fnmatch_lines(["rocketmq_broker *", "*A running broker*", "rocketmq_topic *", "*The name of a new topic*"])
