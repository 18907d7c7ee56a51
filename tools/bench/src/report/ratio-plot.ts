import type { SubjectName } from '../subjects/subject-table.js';
import type { RunDescription } from './describe-run.js';
import { formatNumber } from './format-number.js';
import type { PlotBar, PlotData } from './plot-data.js';
import { createLogScale, type LogScale } from './plot-scale.js';

const WIDTH_PX = 900;
const LABEL_PX = 170;
const VALUE_PX = 90;
const AXIS_PX = WIDTH_PX - LABEL_PX - VALUE_PX;
const HEAD_PX = 92;
const FOOT_PX = 34;
const GROUP_HEAD_PX = 26;
const ROW_PX = 18;
const BAR_PX = 12;

/** Our own stand out; rivals are grey, the darker the nearer to the wire. */
const COLOURS: Record<SubjectName, string> = {
  portcall: '#c2410c',
  'portcall-no-spin': '#ea580c',
  'portcall-socket': '#fb923c',
  'portcall-port': '#fdba74',
  'portcall-methods': '#8c6d31',
  net: '#334155',
  'net-batch': '#475569',
  'net-proto': '#64748b',
  'net-proto-unbatched': '#94a3b8',
  'grpc-js': '#b6c2d1',
};

/** Draws the ratios as an SVG document of bars on a logarithmic axis. */
export function drawRatios(data: PlotData, run: RunDescription): string {
  const bars = data.groups.flatMap((group) => group.bars);
  const scale = createLogScale(
    bars.flatMap(({ advantage }) => [advantage.min, advantage.max]),
    AXIS_PX,
  );
  const rowsPx = data.groups.reduce(
    (sum, group) => sum + GROUP_HEAD_PX + group.bars.length * ROW_PX,
    0,
  );
  const heightPx = HEAD_PX + rowsPx + FOOT_PX;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH_PX}" height="${heightPx}"` +
      ` viewBox="0 0 ${WIDTH_PX} ${heightPx}" font-family="sans-serif" font-size="12">`,
    rect({ x: 0, y: 0, width: WIDTH_PX, height: heightPx }, '#ffffff'),
    ...drawHead(data, run),
    ...drawAxis(scale, heightPx),
    ...drawGroups(data, scale),
    '</svg>',
    '',
  ].join('\n');
}

function drawHead({ baseline }: PlotData, run: RunDescription): string[] {
  const rounds = `${run.rounds} interleaved rounds of ${run.roundMs} ms, ${run.startedAt}`;
  const lines = [
    `${run.cpuModel}, ${run.cores} cores, ${run.kernel}, Node ${run.nodeVersion}; ${rounds}`,
    `${run.command} (bars: medians of the rounds' ratios; lines: from min to max)`,
  ];
  return [
    text(16, 26, `Times as good as ${baseline}: to the right of 1 is better`, 'font-size="16"'),
    ...lines.map((content, index) =>
      text(16, 46 + 18 * index, content, 'font-size="11" fill="#475569"'),
    ),
  ];
}

function drawAxis(scale: LogScale, heightPx: number): string[] {
  return scale.ticks.flatMap((tick) => {
    const x = LABEL_PX + scale.position(tick);
    const colour = tick === 1 ? '#0f172a' : '#e2e8f0';
    const label = `${tick} ×`;
    return [
      line({ x1: x, y1: HEAD_PX - 6, x2: x, y2: heightPx - FOOT_PX + 4 }, colour),
      text(x, HEAD_PX - 10, label, 'text-anchor="middle" fill="#475569"'),
      text(x, heightPx - FOOT_PX + 18, label, 'text-anchor="middle" fill="#475569"'),
    ];
  });
}

function drawGroups(data: PlotData, scale: LogScale): string[] {
  const parts: string[] = [];
  let y = HEAD_PX;
  for (const group of data.groups) {
    parts.push(text(16, y + 18, group.title, 'font-weight="bold"'));
    y += GROUP_HEAD_PX;
    for (const bar of group.bars) {
      parts.push(...drawBar(bar, scale, y));
      y += ROW_PX;
    }
  }
  return parts;
}

function drawBar({ subject, advantage }: PlotBar, scale: LogScale, y: number): string[] {
  const at = (ratio: number): number => LABEL_PX + scale.position(ratio);
  const x = Math.min(at(1), at(advantage.median));
  const width = Math.max(Math.abs(at(advantage.median) - at(1)), 1);
  const top = y + (ROW_PX - BAR_PX) / 2;
  const middle = y + ROW_PX / 2;
  const valueX = Math.max(at(advantage.max), at(1)) + 6;
  return [
    text(LABEL_PX - 8, middle + 4, subject, 'text-anchor="end"'),
    rect({ x, y: top, width, height: BAR_PX }, COLOURS[subject]),
    line({ x1: at(advantage.min), y1: middle, x2: at(advantage.max), y2: middle }, '#0f172a'),
    text(valueX, middle + 4, `${formatNumber(advantage.median)} ×`, ''),
  ];
}

function text(x: number, y: number, content: string, attributes: string): string {
  return `<text x="${round(x)}" y="${round(y)}" ${attributes}>${escapeXml(content)}</text>`;
}

function rect(
  box: { readonly x: number; readonly y: number; readonly width: number; readonly height: number },
  colour: string,
): string {
  const { x, y, width, height } = box;
  return (
    `<rect x="${round(x)}" y="${round(y)}" width="${round(width)}"` +
    ` height="${round(height)}" fill="${colour}"/>`
  );
}

function line(
  ends: { readonly x1: number; readonly y1: number; readonly x2: number; readonly y2: number },
  colour: string,
): string {
  const { x1, y1, x2, y2 } = ends;
  return (
    `<line x1="${round(x1)}" y1="${round(y1)}" x2="${round(x2)}" y2="${round(y2)}"` +
    ` stroke="${colour}"/>`
  );
}

function round(px: number): string {
  return String(Math.round(px * 10) / 10);
}

function escapeXml(content: string): string {
  return content.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
