// A probe as scripts get it: the verdicts first, then everything that stands behind them, with the names of the types of
// src/probe in small letters. Times of the network are milliseconds, and their names end in `_ms`.
import { formatIso } from '../../lib/clock.js';
import type { CellVerdict, UplinkVerdict } from '../../probe/judge.js';
import { VERDICT_SENTENCES } from '../../probe/verdict.js';
import type { ProbeReport } from './run-probe.js';
import type { Located } from './trace-bad.js';

/** The document, without schema and errors. */
export function probeDocument(report: ProbeReport): object {
  const { judgement, located } = report;
  return {
    at: formatIso(report.at),
    took_ms: Math.round(report.tookMs),
    judged_after_ms: Math.round(report.judgedMs),
    complete: judgement.isComplete && report.problems.length === 0,
    from: report.hosts,
    verdicts: judgement.uplinks.map((verdict) => verdictJson(verdict, located.get(verdict), report)),
    cells: judgement.cells.map(cellJson),
    destinations: judgement.destinations,
    cost: snakeKeys(report.costs),
    next: report.next,
    notes: report.notes,
  };
}

function verdictJson(verdict: UplinkVerdict, located: Located | undefined, report: ProbeReport): object {
  const { uplink, family, facts, suspect } = verdict;
  const hop = located?.finding.hop ?? null;
  return {
    uplink,
    family,
    verdict: verdict.verdict,
    meaning: VERDICT_SENTENCES[verdict.verdict],
    hop: hop === null ? null : { ttl: hop.ttl, address: hop.address, name: hop.name, evidence: hop.evidence },
    hop_unknown_because: located?.finding.why ?? null,
    summary: verdict.summary,
    evidence: verdict.evidence.join('; '),
    took_ms: Math.round(verdict.tookMs + (located?.tookMs ?? 0)),
    facts: snakeKeys(facts),
    traced: suspect === null ? null : suspect.target.address,
    route: located === undefined ? null : snakeKeys(located.route),
    light: report.light,
  };
}

/** A cell, with everything that was seen. */
export function cellJson(cell: CellVerdict): object {
  const { uplink, family, destination, verdict, phase, evidence, observations } = cell;
  return {
    uplink,
    family,
    destination,
    verdict,
    phase,
    evidence,
    connect_ms: cell.connectMs,
    code: cell.code,
    seen: snakeKeys(observations),
  };
}

/** The same with its keys in small letters: `connectMs` is `connect_ms`. Figures keep three digits. */
function snakeKeys(value: unknown): unknown {
  if (typeof value === 'number') return Number.isInteger(value) ? value : Math.round(value * 1000) / 1000;
  if (Array.isArray(value)) return value.map(snakeKeys);
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, member]) => [
      key.replace(/([a-z0-9])([A-Z])/g, '$1_$2').toLowerCase(),
      snakeKeys(member),
    ]),
  );
}
