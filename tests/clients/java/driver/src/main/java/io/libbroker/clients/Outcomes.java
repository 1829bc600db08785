package io.libbroker.clients;

import com.alibaba.fastjson.JSON;
import com.alibaba.fastjson.JSONArray;
import com.alibaba.fastjson.JSONObject;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.apache.rocketmq.filter.FilterFactory;
import org.apache.rocketmq.filter.expression.EvaluationContext;
import org.apache.rocketmq.filter.expression.Expression;
import org.apache.rocketmq.filter.expression.MQFilterException;

/** What Java's filter classes say of expressions. Uses no broker. */
final class Outcomes {
    private Outcomes() {
    }

    /** Reads {@code {"expressions":[…],"properties":[{…},…]}} and writes one text per expression, one letter per property set. */
    static void compute(Context context) throws Exception {
        byte[] input = Files.readAllBytes(Path.of(context.arguments.getString("input")));
        JSONObject questions = JSON.parseObject(new String(input, StandardCharsets.UTF_8));
        JSONArray sets = questions.getJSONArray("properties");
        List<String> outcomes = new ArrayList<>();
        for (Object expression : questions.getJSONArray("expressions")) {
            outcomes.add(outcomes((String) expression, sets));
        }
        byte[] output = JSON.toJSONString(outcomes).getBytes(StandardCharsets.UTF_8);
        Files.write(Path.of(context.arguments.getString("output")), output);
    }

    /** T, F, N for null, E for an evaluation that fails; or C alone: it does not compile. */
    private static String outcomes(String text, JSONArray sets) {
        Expression expression;
        try {
            expression = FilterFactory.INSTANCE.get("SQL92").compile(text);
        } catch (MQFilterException e) {
            return "C";
        }
        StringBuilder outcomes = new StringBuilder();
        for (int i = 0; i < sets.size(); i++) {
            outcomes.append(outcome(expression, sets.getJSONObject(i)));
        }
        return outcomes.toString();
    }

    private static char outcome(Expression expression, JSONObject properties) {
        try {
            Object result = expression.evaluate(new Properties(properties));
            if (result == null) {
                return 'N';
            }
            return Boolean.TRUE.equals(result) ? 'T' : 'F';
        } catch (Throwable e) {
            return 'E';
        }
    }

    private static final class Properties implements EvaluationContext {
        private final JSONObject values;

        Properties(JSONObject values) {
            this.values = values;
        }

        @Override
        public Object get(String name) {
            return values.getString(name);
        }

        @Override
        public Map<String, Object> keyValues() {
            return values;
        }
    }
}
