// The ports of a cluster as rows of a picture, and runs of free ones.
import type { Schemas } from '../api/client.ts';

export type Port = Schemas['PortInfo'];
export const kAcross = 64;

export interface Row {
  first: number;
  cells: Port[];
}

// In rows of 64; a new one where a range begins.
export function rowsOf(ports: Port[]): Row[] {
  const rows: Row[] = [];
  for (const port of ports) {
    const last = rows.at(-1);
    if (last && last.cells.length < kAcross && last.first + last.cells.length === port.port) last.cells.push(port);
    else rows.push({ first: port.port, cells: [port] });
  }
  return rows;
}

// The first of `count` free ports in a row.
export function consecutive(ports: Port[], count: number): number | undefined {
  let run = 0;
  let former = -2;
  for (const port of ports) {
    run = port.state !== 'free' ? 0 : port.port === former + 1 ? run + 1 : 1;
    former = port.port;
    if (run === count) return port.port - count + 1;
  }
  return undefined;
}

export function matches(port: Port, wanted: string): boolean {
  if (wanted === '') return false;
  return String(port.port) === wanted || (wanted.length > 2 && String(port.port).startsWith(wanted)) || port.holder.toLowerCase().includes(wanted.toLowerCase());
}
