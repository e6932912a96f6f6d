import { spawnSync, type SpawnSyncReturns } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { App, type AppProps, Stack } from 'aws-cdk-lib';
import { SetgetDelivery, type SetgetDeliveryProps } from '../lib';
import { FUNCTIONS } from '../lib/settings';
import type { Template } from '../lib/template';

// Takes seconds in each process. The tests that run the CDK's command line have it on, with errors for findings (cdk.json).
process.env.CDK_VALIDATION = 'false';

const scratch = mkdtempSync(join(tmpdir(), 'setget-cdk-test-'));
process.on('exit', () => rmSync(scratch, { recursive: true, force: true }));
let folders = 0;

/** The folder of this package, seen from `dist/test`. */
export const PACKAGE = join(__dirname, '..', '..');

/** A folder of its own, gone when the tests are. */
export function newFolder(): string {
  folders += 1;
  const folder = join(scratch, String(folders));
  mkdirSync(folder);
  return folder;
}

/** The first bytes of a Linux program, and something that tells it from others. */
export function program(machine: 'arm64' | 'x86_64', content: string): Buffer {
  const header = Buffer.alloc(64);
  header.write('\x7fELF', 'latin1');
  header.writeUInt16LE(machine === 'arm64' ? 0xb7 : 0x3e, 18);
  return Buffer.concat([header, Buffer.from(content)]);
}

/** What `sam build` would leave: a program for each function, told apart by its name and `release`. */
export function artifacts(release = '1', machine: 'arm64' | 'x86_64' = 'arm64'): string {
  const folder = newFolder();
  for (const id of FUNCTIONS) {
    mkdirSync(join(folder, id));
    writeFileSync(join(folder, id, 'bootstrap'), program(machine, `${id} ${release}`));
  }
  return folder;
}

/** One set of programs for the tests that do not care. */
export const ARTIFACTS = artifacts();

/** Properties for an app that writes to a folder of its own. */
export function appProps(context: Record<string, unknown> = {}): AppProps {
  return { outdir: newFolder(), analyticsReporting: false, context };
}

/** An empty stack. */
export function newStack(): Stack {
  return new Stack(new App(appProps()), 'Alerts');
}

/** A delivery in a stack, of {@link ARTIFACTS} unless it is given others. */
export function deliver(stack: Stack, id: string, props: SetgetDeliveryProps = {}): SetgetDelivery {
  return new SetgetDelivery(stack, id, { artifacts: ARTIFACTS, ...props });
}

/** A stack with one delivery, `Delivery`. */
export function stackWith(props: SetgetDeliveryProps): Stack {
  const stack = newStack();
  deliver(stack, 'Delivery', props);
  return stack;
}

/** The template that the CDK makes of a stack. */
export function synthesised(stack: Stack): Template {
  const app = stack.node.root as App;
  return app.synth({ force: true }).getStackArtifact(stack.artifactId).template as Template;
}

/** Runs `cdk synth` for a program that makes an app, as a user would: with the settings of `cdk.json`, without an account. */
export function cdkSynth(program: string, output = newFolder()): SpawnSyncReturns<string> {
  const { CDK_VALIDATION: _, ...environment } = process.env;
  const options = ['--quiet', '--app', `node ${program}`, '--build', 'true', '--output', output, '-c', `artifacts=${ARTIFACTS}`];
  const command = join(PACKAGE, 'node_modules', '.bin', 'cdk');
  const env = { ...environment, HOME: newFolder(), CDK_DISABLE_VERSION_CHECK: 'true', AWS_EC2_METADATA_DISABLED: 'true' };
  return spawnSync(command, ['synth', ...options], { cwd: PACKAGE, encoding: 'utf8', env });
}

/** Everything in a value that `pick` wants, depth first. */
export function collect<T>(value: unknown, pick: (key: string, value: unknown) => T | undefined): T[] {
  if (typeof value !== 'object' || value === null) {
    return [];
  }
  return Object.entries(value).flatMap(([key, item]) => {
    const picked = pick(key, item);
    return [...(picked === undefined ? [] : [picked]), ...collect(item, pick)];
  });
}
