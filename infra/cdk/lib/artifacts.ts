import { existsSync, openSync, readSync, closeSync } from 'node:fs';
import { join } from 'node:path';
import { Token } from 'aws-cdk-lib';

/** ELF's `e_machine`, of each processor that Lambda runs on: https://refspecs.linuxfoundation.org/elf/gabi4+/ch4.eheader.html */
const MACHINES: Readonly<Record<string, number | undefined>> = { arm64: 183, x86_64: 62 };

/**
 * The folder that holds a function's `bootstrap`, as `sam build` lays it out.
 *
 * @param architecture `arm64` or `x86_64`: a program for the other one would deploy and then fail on every call, so it is refused.
 * Without it, or if it is known only at deployment, a program for either will do
 * @throws if there is no program, or not one for that processor
 */
export function artifactOf(artifacts: string, functionId: string, architecture?: string | number): string {
  const folder = join(artifacts, functionId);
  const program = join(folder, 'bootstrap');
  if (!existsSync(program)) {
    throw new Error(`${program} is missing: run \`sam build\`, or say where its output is (artifacts)`);
  }
  const wanted = architecture === undefined || Token.isUnresolved(architecture) ? Object.keys(MACHINES) : [String(architecture)];
  const machine = machineOf(program);
  if (!wanted.some((name) => MACHINES[name] === machine)) {
    throw new Error(`${program} is no Linux program for ${wanted.join(' or ')}: give \`sam build\` the same Architecture`);
  }
  return folder;
}

/** The processor that a Linux program is for; undefined if it is none. */
function machineOf(program: string): number | undefined {
  const header = Buffer.alloc(20);
  const file = openSync(program, 'r');
  try {
    readSync(file, header, 0, header.length, 0);
  } finally {
    closeSync(file);
  }
  return header.subarray(0, 4).equals(Buffer.from('\x7fELF', 'latin1')) ? header.readUInt16LE(18) : undefined;
}
