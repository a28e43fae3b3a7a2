"""Says how the real botocore resolves profiles: reads cases from stdin, prints one answer each. It calls nobody."""
import json
import os
import sys
import tempfile

import botocore.session


def steps(credentials):
    if credentials is None:
        return []
    if credentials.method not in ('assume-role', 'assume-role-with-web-identity', 'sso'):
        return [{'kind': 'keys', 'accessKeyId': credentials.access_key, 'token': credentials.token}]
    fetcher = credentials._refresh_using.__self__
    if credentials.method == 'sso':
        return [{
            'kind': 'sso-role',
            'startUrl': fetcher._start_url,
            'region': fetcher._sso_region,
            'roleName': fetcher._role_name,
            'accountId': fetcher._account_id,
            'session': fetcher._sso_session_name,
        }]
    asked = fetcher._assume_kwargs
    role = {'roleArn': asked['RoleArn'], 'externalId': asked.get('ExternalId')}
    role['sessionName'] = None if fetcher._using_default_session_name else asked.get('RoleSessionName')
    if credentials.method == 'assume-role-with-web-identity':
        return [{'kind': 'web-identity', **role}]
    role['durationSeconds'] = asked.get('DurationSeconds')
    return steps(fetcher._source_credentials) + [{'kind': 'assume-role', **role}]


def resolve(case, folder):
    for name in ('config', 'credentials'):
        with open(os.path.join(folder, name), 'w', encoding='utf-8') as file:
            file.write(case.get(name, ''))
    session = botocore.session.Session(profile=case['profile'])
    try:
        return {'steps': steps(session.get_credentials())}
    except Exception as error:
        return {'error': str(error)}


with tempfile.TemporaryDirectory() as folder:
    os.environ['AWS_CONFIG_FILE'] = os.path.join(folder, 'config')
    os.environ['AWS_SHARED_CREDENTIALS_FILE'] = os.path.join(folder, 'credentials')
    os.environ['HOME'] = folder
    json.dump([resolve(case, folder) for case in json.load(sys.stdin)], sys.stdout)
