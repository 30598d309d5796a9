/** A user that tests make, for what root and others must do alike. */
import { execFileSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll } from 'vitest';

/** A new user with a home, there while the tests of a `describe` run; root makes it. */
export function useNewUser(name: string): { readonly user: string; readonly home: string } {
  const user = `ashlar-${name}-${process.pid}`;
  const home = join(tmpdir(), `${user}-home`);
  beforeAll(
    () => void execFileSync('useradd', ['--create-home', '--home-dir', home, user], { stdio: 'pipe' }),
  );
  afterAll(() => {
    execFileSync('userdel', [user], { stdio: 'ignore' });
    rmSync(home, { recursive: true, force: true });
  });
  return { user, home };
}
