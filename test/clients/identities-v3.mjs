// Asks AWS who we are, with the JavaScript SDK v3, once for each set of variables on stdin.
import dns from 'node:dns';
import { text } from 'node:stream/consumers';
import { GetCallerIdentityCommand, STSClient } from '@aws-sdk/client-sts';
import { fromHttp } from '@aws-sdk/credential-provider-http';
import { defaultProvider } from '@aws-sdk/credential-provider-node';

// An SDK that is led astray must not reach AWS itself.
dns.lookup = (name, options, done) => (done ?? options)(new Error(`offline, but asked for ${name}`));

const ask = async (config) => {
  try {
    return (await new STSClient(config).send(new GetCallerIdentityCommand({}))).Arn;
  } catch (error) {
    return String(error);
  }
};

// The variables of the test runner stay: without them a program that the SDK starts would measure its coverage.
const answers = [];
for (const { env, profile } of JSON.parse(await text(process.stdin))) {
  for (const name of Object.keys(process.env)) if (!name.startsWith('_TAPJS_')) delete process.env[name];
  Object.assign(process.env, env);
  const chain = await ask(profile ? { credentials: defaultProvider({ profile }) } : {});
  const http = process.env.AWS_CONTAINER_CREDENTIALS_FULL_URI && (await ask({ credentials: fromHttp({}) }));
  answers.push({ chain, http });
}
console.log(JSON.stringify(answers));
