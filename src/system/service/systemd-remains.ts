import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { shellWord } from '../shell-word.js';

/** What a person has set up around the units in the folder of settings `root`: a sentence each. */
export async function systemdRemains(root: string): Promise<string[]> {
  const dropIns = await filesIn(join(root, 'systemd', 'user'), /^credd\.(service|socket)\.d$/);
  const inDropIns = await Promise.all(dropIns.map((folder) => filesIn(folder, /\.conf$/)));
  const variables = await filesIn(join(root, 'environment.d'), /\.conf$/);
  const pointing = await Promise.all(variables.map(async (path) => ((await pointsHere(path)) ? [path] : [])));
  return [
    ...inDropIns.flat().map((path) => `Your own ${path} is still there. To remove it: rm ${shellWord(path)}`),
    ...pointing
      .flat()
      .map(
        (path) =>
          `${path} still sends the programs of your desktop to credd. Before the next login: rm ${shellWord(path)}`,
      ),
  ];
}

/** As `credd env --global` writes it. */
async function pointsHere(path: string): Promise<boolean> {
  const text = await readFile(path, 'utf8').catch(() => '');
  return /^AWS_CONTAINER_CREDENTIALS_FULL_URI=http:\/\/127\.0\.0\.1:\d+\/creds\//m.test(text);
}

async function filesIn(folder: string, names: RegExp): Promise<string[]> {
  const found = await readdir(folder).catch(() => []);
  return found
    .filter((name) => names.test(name))
    .sort()
    .map((name) => join(folder, name));
}
