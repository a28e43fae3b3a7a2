// A simulated AWS with the sample profiles in this home; prints "ready".
import { homedir } from 'node:os';
import { startSimulatedAws } from '/opt/credd/dist/demo/aws.js';
import { sampleWorld, writeSampleProfiles } from '/opt/credd/dist/demo/profiles.js';

const aws = await startSimulatedAws({ world: sampleWorld });
await writeSampleProfiles(homedir(), aws);
console.log('ready');
process.stdin.resume().on('end', () => process.exit());
