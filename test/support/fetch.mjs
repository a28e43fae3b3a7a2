// Prints what the container-credentials endpoint answers to the variables of this process.
import { get } from 'node:http';

// Not by fetch(): Node's sends a Sec-Fetch-Mode, as pages do.
const { AWS_CONTAINER_CREDENTIALS_FULL_URI: uri, AWS_CONTAINER_AUTHORIZATION_TOKEN: authorization } =
  process.env;
get(uri, { headers: { authorization } }, async (answer) => {
  const { AccessKeyId = '', code = '' } = JSON.parse(Buffer.concat(await answer.toArray()).toString());
  console.log(`${answer.statusCode} ${AccessKeyId}${code} ${uri}`);
});
