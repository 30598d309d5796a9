import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync } from 'node:fs';
import { join } from 'node:path';
import { AshlarError } from '../../support/errors.ts';
import type { Call } from './call.ts';
import type { LabelsRequest, LabelsResult } from './requests.ts';
import { prepareRoom } from './room.ts';
import { runScript } from './script.ts';
import { SCRIPT } from './staging.ts';

/** Runs a script in a tree whose changes are lost; the files that it leaves in the label directory are labels. */
export async function labels(request: LabelsRequest, call: Call): Promise<LabelsResult> {
  const room = await prepareRoom(request, call);
  const source = join(call.scratch, 'labels');
  mkdirSync(source, { mode: 0o755 });
  const shown = request.directories.map(target => ({ source, target, readOnly: false }));
  using _points = makePointsAmongImports(request);
  const inRoom = { ...room, mounts: [...room.mounts, ...shown] };
  const status = await runScript(request, inRoom, join(call.scratch, 'run'), call);
  return status === 0 ? { kind: 'labels', labels: readLabels(source) } : { kind: 'failed', status };
}

/** A label directory below a directory of imports, which is read-only, needs a place to be mounted on among them. */
function makePointsAmongImports({ imports, importDirectories, directories }: LabelsRequest): Disposable {
  const points = importDirectories.flatMap(above =>
    directories
      .filter(directory => directory.startsWith(`${above}/`))
      .map(directory => join(imports, directory.slice(above.length)))
      .filter(point => !existsSync(point)),
  );
  for (const point of points) mkdirSync(point);
  return {
    [Symbol.dispose]: () => {
      for (const point of points) rmdirSync(point);
    },
  };
}

/** Name and content of each file, untrimmed. @throws AshlarError for what cannot be a label. */
function readLabels(directory: string): Readonly<Record<string, string>> {
  const entries = readdirSync(Buffer.from(directory), { withFileTypes: true, encoding: 'buffer' });
  const found = entries.map(entry => {
    const path = Buffer.concat([Buffer.from(`${directory}/`), entry.name]);
    const name = textOf(entry.name, 'the name of a label');
    // A symbolic link would be followed here, outside of the tree.
    if (!entry.isFile()) throw new AshlarError(`the label ${name} is not a file`);
    return [name, textOf(readFileSync(path), `the label ${name}`)] as const;
  });
  return Object.fromEntries(found.filter(([name]) => name !== SCRIPT));
}

function textOf(bytes: Uint8Array, what: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (cause) {
    throw new AshlarError(`${what} is not text in UTF-8`, { cause });
  }
}
