/** Package managers at work in trees. */
import { removeLeavings, steadyRpmDatabases } from '../../packages/index.ts';
import type { Call } from './call.ts';
import { amongHostPrograms } from './host-room.ts';
import type { PackageRun, RunRequest } from './requests.ts';
import type { ReadyRoom } from './room.ts';
import { runScript } from './script.ts';

/** Runs the script of a manager; what it leaves that is no part of the result is removed. Returns its exit status. */
export async function runPackages(
  request: Omit<RunRequest, 'work'> & PackageRun,
  room: ReadyRoom,
  scratch: string,
  call: Call,
): Promise<number> {
  const runIn = (ready: ReadyRoom) => runScript(request, ready, scratch, call);
  const status = await (request.byHost ? amongHostPrograms(room, call, runIn) : runIn(room));
  if (status !== 0) return status;
  removeLeavings(room.upper, request.leavings, room.lowers);
  const { sourceDateEpoch, written } = request.pack;
  const epoch = sourceDateEpoch ?? written?.time;
  if (epoch !== undefined) steadyRpmDatabases(room.upper, epoch);
  return 0;
}
