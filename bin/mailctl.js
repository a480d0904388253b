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
  bundle.main(argv, process.env, bundle.processStreams(), bundle.systemClock).then((code) => {
    process.exitCode = code;
    // Whatever still holds the loop (a child that does not die) must not hold the operator's prompt.
    setTimeout(() => process.exit(), 1000).unref();
  });
}
