import { EventEmitter } from 'node:events';
import { expect, test } from 'vitest';
import { Interrupted, watchSignals } from '../../../src/cli/signals.js';

function watch() {
  const source = new EventEmitter();
  return { source, interruption: watchSignals(source) };
}

test.each(['SIGINT', 'SIGTERM', 'SIGHUP'])('while nothing runs, one %s stops at once', (signal) => {
  const { source, interruption } = watch();
  source.emit(signal);
  expect(interruption.abort.aborted).toBe(true);
  expect(interruption.abort.reason).toBeInstanceOf(Interrupted);
});

test.each(['SIGINT', 'SIGTERM'])('during a run the first %s asks to finish, the second stops', (signal) => {
  const { source, interruption } = watch();
  let said = 0;
  interruption.beginRun(() => {
    said += 1;
  });
  source.emit(signal);
  expect([interruption.finish.aborted, interruption.abort.aborted, said]).toEqual([true, false, 1]);
  source.emit('SIGINT');
  expect(interruption.abort.aborted).toBe(true);
  expect(said).toBe(1);
});

test('a lost terminal does not end a confirmed run', () => {
  const { source, interruption } = watch();
  interruption.beginRun();
  source.emit('SIGHUP');
  source.emit('SIGHUP');
  expect([interruption.finish.aborted, interruption.abort.aborted]).toEqual([false, false]);
});

test('after a run, while the command looks again, one signal stops at once and nothing is said of the run', () => {
  const { source, interruption } = watch();
  let said = 0;
  interruption.beginRun(() => {
    said += 1;
  });
  interruption.endRun();
  source.emit('SIGHUP');
  expect([interruption.abort.aborted, said]).toEqual([true, 0]);
});

test('after it is disposed of nothing listens any more', () => {
  const { source, interruption } = watch();
  interruption.dispose();
  expect(source.eventNames()).toEqual([]);
});
