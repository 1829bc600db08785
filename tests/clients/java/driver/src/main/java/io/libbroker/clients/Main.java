package io.libbroker.clients;

import com.alibaba.fastjson.JSON;
import com.alibaba.fastjson.JSONObject;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * Runs scenarios with the official Java client, one after the other: {@code Main <namesrv> <name,name,…> <json arguments>}.
 * Prints one JSON line per scenario; ends with 1 when one failed.
 */
public final class Main {
    private static final Map<String, Scenario> SCENARIOS = new LinkedHashMap<>();

    static {
        SCENARIOS.put("send_sync", Sends::sync);
        SCENARIOS.put("send_async", Sends::async);
        SCENARIOS.put("send_oneway", Sends::oneway);
        SCENARIOS.put("send_batch", Sends::batch);
        SCENARIOS.put("push_rebalance", Groups::rebalance);
        SCENARIOS.put("push_broadcasting", Groups::broadcasting);
        SCENARIOS.put("push_orderly", Groups::orderly);
        SCENARIOS.put("long_polling", Groups::longPolling);
        SCENARIOS.put("tag_filter", Filters::tags);
        SCENARIOS.put("sql_filter", Filters::sql);
        SCENARIOS.put("sql_changes", Filters::sqlChanges);
        SCENARIOS.put("sql_outcomes", Outcomes::compute);
        SCENARIOS.put("pull_consumer", Pulls::pull);
        SCENARIOS.put("lite_pull_consumer", Pulls::litePull);
        SCENARIOS.put("retry_and_dead_letter", Redelivery::retryAndDeadLetter);
        SCENARIOS.put("delay_levels", Redelivery::delayLevels);
        SCENARIOS.put("transactions", Transactions::outcomes);
        SCENARIOS.put("transaction_other_member", TransactionChecks::otherMember);
        SCENARIOS.put("transaction_given_up", TransactionChecks::givenUp);
        SCENARIOS.put("transaction_outlive_kill", TransactionChecks::outliveKill);
        SCENARIOS.put("embedding_share_group", Embedding::shareGroup);
        SCENARIOS.put("embedding_see_faults", Embedding::seeFaults);
        SCENARIOS.put("embedding_outlast_delay", Embedding::outlastDelay);
        SCENARIOS.put("request_reply", Transactions::requestReply);
        SCENARIOS.put("send_and_consume", Continuity::sendAndConsume);
        SCENARIOS.put("keep_going", Continuity::keepGoing);
        SCENARIOS.put("stay_online", Continuity::stayOnline);
        SCENARIOS.put("store_write", StoreExchange::write);
        SCENARIOS.put("store_read", StoreExchange::read);
        SCENARIOS.put("exchange_send", Exchange::send);
        SCENARIOS.put("exchange_receive", Exchange::receive);
    }

    private Main() {
    }

    public static void main(String[] args) {
        if (args.length != 3) {
            System.err.println("usage: Main <namesrv> <scenario,scenario,...> <json arguments>");
            System.exit(2);
        }
        boolean passed = true;
        for (String name : args[1].split(",")) {
            passed &= run(args[0], name, JSON.parseObject(args[2]));
        }
        // Some threads of the client are not daemons and outlive its shutdown.
        System.exit(passed ? 0 : 1);
    }

    private static boolean run(String namesrv, String name, JSONObject arguments) {
        JSONObject record = new JSONObject(true);
        record.put("scenario", name);
        long begin = System.nanoTime();
        try (Context context = new Context(namesrv, name, arguments)) {
            Scenario scenario = SCENARIOS.get(name);
            if (scenario == null) {
                throw new Failure("no such scenario; there are " + SCENARIOS.keySet());
            }
            scenario.run(context);
            record.put("result", "passed");
            record.put("output", context.output);
        } catch (Failure e) {
            record.put("result", "failed");
            record.put("reason", e.getMessage() + "\n  at " + e.place());
        } catch (Throwable e) {
            StringWriter trace = new StringWriter();
            e.printStackTrace(new PrintWriter(trace));
            record.put("result", "failed");
            record.put("reason", trace.toString());
        }
        record.put("ms", (System.nanoTime() - begin) / 1_000_000);
        Context.print(record);
        return "passed".equals(record.get("result"));
    }
}
