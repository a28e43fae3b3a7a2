// Asks AWS who we are, with the JavaScript SDK v2, once for each set of variables on stdin. It knows no endpoint_url.
import dns from 'node:dns';
import { text } from 'node:stream/consumers';

// An SDK that is led astray must not reach AWS itself.
dns.lookup = (name, options, done) => (done ?? options)(new Error(`offline, but asked for ${name}`));

const questions = JSON.parse(await text(process.stdin));
const answers = [];
for (const { env, endpoint } of questions) {
  for (const name of Object.keys(process.env)) delete process.env[name];
  Object.assign(process.env, env, { AWS_SDK_JS_SUPPRESS_MAINTENANCE_MODE_MESSAGE: '1' });
  const { default: AWS } = await import('aws-sdk');
  try {
    const credentials = await new AWS.CredentialProviderChain().resolvePromise();
    const identity = await new AWS.STS({ endpoint, credentials, region: 'eu-west-1' })
      .getCallerIdentity()
      .promise();
    answers.push({ chain: identity.Arn });
  } catch (error) {
    answers.push({ chain: String(error) });
  }
}
console.log(JSON.stringify(answers));
