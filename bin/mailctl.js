#!/usr/bin/env node
// Answers --version before anything is loaded, then hands over to the bundle and sets the exit code.
'use strict';
const { readFileSync, writeSync } = require('node:fs');
const { join } = require('node:path');

const argv = process.argv.slice(2);
if (argv.length === 1 && (argv[0] === '--version' || argv[0] === '-V')) {
  const { version } = JSON.parse(readFileSync(join(__dirname, '..', 'package.json'), 'utf8'));
  try {
    writeSync(1, `mailctl ${version}\n`);
  } catch (error) {
    // A reader that has gone away is no error.
    if (error.code !== 'EPIPE') throw error;
  }
  process.exit();
} else {
  run();
}

function run() {
  let bundle;
  try {
    bundle = require('../dist/main.js');
  } catch (error) {
    if (error.code !== 'MODULE_NOT_FOUND' || !String(error.message).includes('dist/main.js')) throw error;
    process.stderr.write('error: mailctl is not built\nhint: npm run build\n');
    process.exitCode = 2;
    return;
  }
  let hasEnded = false;
  bundle.main(argv, process.env, bundle.processStreams(), bundle.systemClock).then((code) => {
    hasEnded = true;
    process.exitCode = code;
    // Whatever still holds the loop (a child that does not die) must not hold the operator's prompt.
    setTimeout(() => process.exit(), 1000).unref();
  });
  // Nothing is left to wait for. Left to itself node now takes its heap down piece by piece, a tenth of a bare start.
  process.once('beforeExit', () => {
    if (!hasEnded) {
      // A command that waits for what cannot come any more: that must not look like success.
      process.stderr.write(
        'error: mailctl itself failed: it came to no end\nhint: report how it was called\n',
      );
      process.exitCode = 1;
    }
    process.exit();
  });
}
