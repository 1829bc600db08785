package io.libbroker.clients;

/** A check that did not hold. */
final class Failure extends RuntimeException {
    private static final long serialVersionUID = 1L;

    Failure(String message) {
        super(message);
    }

    /** The lines of the scenarios that led here. */
    String place() {
        StringBuilder lines = new StringBuilder();
        for (StackTraceElement element : getStackTrace()) {
            if (element.getClassName().startsWith(Failure.class.getPackageName())) {
                lines.append(element.getFileName()).append(':').append(element.getLineNumber()).append(' ');
            }
        }
        return lines.toString();
    }
}
