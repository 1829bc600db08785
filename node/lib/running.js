'use strict';

// Brokers that nobody stops any more: their object is garbage, or the process ends.

const STOP_TIMEOUT_MS = 30_000;

/** Handles of brokers that start or run. A process that ends leaves its stores closed, as if each had been stopped. */
const running = new Set();

/** Stops brokers whose object was garbage; the handle is reachable from `running`, so that it outlives the object. */
const forgotten = new FinalizationRegistry((handle) => {
  process.emitWarning(`the broker on ${handle.storeDir} was not stopped`, 'ResourceWarning');
  running.delete(handle);
  handle.stop(STOP_TIMEOUT_MS).catch(() => {});
});

let stopsAtExit = false;

/** Before the start: a process that ends meanwhile waits for it, to stop what was started. */
function remember(broker, handle) {
  running.add(handle);
  forgotten.register(broker, handle, broker);
  if (!stopsAtExit) {
    stopsAtExit = true;
    process.on('exit', () => running.forEach(stopAtExit));
  }
}

/** The broker is stopped by its owner. */
function release(broker) {
  forgotten.unregister(broker);
}

/** It has stopped, or was not started. */
function forget(broker, handle) {
  forgotten.unregister(broker);
  running.delete(handle);
}

function stopAtExit(handle) {
  try {
    handle.stopNow(STOP_TIMEOUT_MS);
  } catch {
    // Nobody is left to be told; the next start recovers the store.
  }
}

module.exports = { STOP_TIMEOUT_MS, remember, release, forget };
