package io.libbroker.clients;

/** One thing a client does, with everything it must observe. Fails by throwing. */
@FunctionalInterface
interface Scenario {
    void run(Context context) throws Exception;
}
