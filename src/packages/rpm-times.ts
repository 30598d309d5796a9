/** When packages of rpm were installed, in databases of the sqlite kind. */
export function steadyRpmDatabases(_directory: string, _epoch: number): void {}
