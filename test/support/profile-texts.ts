export const env = { AWS_ACCESS_KEY_ID: 'AKIAENVIRONMENT', AWS_SECRET_ACCESS_KEY: 'secret' };
export const arn = (name: string) => `arn:aws:iam::123456789012:role/${name}`;
export const keys = (id: string) => `aws_access_key_id = ${id}\naws_secret_access_key = secret\n`;
export const role = (name: string, more: string) => `role_arn = ${arn(name)}\n${more}\n`;
export const sso =
  'sso_account_id = 123456789012\nsso_role_name = Dev\nsso_start_url = https://wut.awsapps.com/start/#\nsso_region = eu-west-1\n';
export const process = `credential_process = echo '{"Version":1,"AccessKeyId":"AKIAPROCESS","SecretAccessKey":"x"}'\n`;
export const webIdentity = 'web_identity_token_file = /nowhere/token\n';
export const corp =
  '[sso-session corp]\nsso_start_url = https://corp.awsapps.com/start\nsso_region = eu-central-1\nsso_registration_scopes = sso:account:access\n';
