/** What went wrong with the keychain, as keytar or Node put it. */
export interface KeychainFailure {
  code?: string | undefined;
  message: string;
}

/** The same for a person, with what to do about it. */
export function inWords({ code, message }: KeychainFailure): string {
  if (code === 'MODULE_NOT_FOUND') {
    return 'keytar, which credd reads it with, is not installed; install it (on Linux it needs libsecret) and credd again';
  }
  return KNOWN.find(([pattern]) => pattern.test(message))?.[1] ?? message;
}

/** Whether a person may yet open it, as at login; what is not there at all does not come by itself. */
export function mayPass({ message }: KeychainFailure): boolean {
  return /locked|dismissed|does not exist at path|did not answer in time/.test(message);
}

const KNOWN: [RegExp, string][] = [
  [/libsecret-1\.so/, 'libsecret is missing; on Debian and Ubuntu type: sudo apt-get install libsecret-1-0'],
  [
    /autolaunch D-Bus|^Could not connect|connection is closed/,
    'there is no D-Bus session (DBUS_SESSION_BUS_ADDRESS); a login on the desktop starts one',
  ],
  [/org\.freedesktop\.secrets/, 'no Secret Service runs here; start one, such as gnome-keyring or KWallet'],
  [/locked collection|dismissed/, 'it is locked; unlock it, for example by logging in on the desktop'],
  [/does not exist at path/, 'it has no default keyring yet; make one, for example with seahorse'],
];
