// Prints what the container-credentials endpoint answers to the variables of this process.
const { AWS_CONTAINER_CREDENTIALS_FULL_URI: uri, AWS_CONTAINER_AUTHORIZATION_TOKEN: authorization } = process.env;
const answer = await fetch(uri, { headers: { authorization } });
const { AccessKeyId = '', code = '' } = await answer.json();
console.log(`${answer.status} ${AccessKeyId}${code} ${uri}`);
