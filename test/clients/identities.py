"""Asks AWS who we are, with boto3 and the AWS CLI, once for each set of variables on stdin; in one process, for speed."""
import contextlib, io, json, os, sys

import boto3
from awscli.clidriver import create_clidriver


def with_boto3(question):
    session = boto3.Session(profile_name=question.get('profile'))
    return session.client('sts').get_caller_identity()['Arn']


def with_cli(question):
    words = question.get('words', ['sts', 'get-caller-identity'])
    profile = question.get('profile')
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        create_clidriver().main([*(['--profile', profile] if profile else []), *words, '--output', 'json'])
    return json.loads(printed.getvalue())


def attempt(ask, question):
    try:
        return ask(question)
    except (Exception, SystemExit) as error:
        return f'{type(error).__name__}: {error}'


# Where the AWS CLI keeps its own data; it looks for that when it is loaded, and nowhere else.
data = os.environ['AWS_DATA_PATH']
answers = []
for question in json.load(sys.stdin):
    os.environ.clear()
    os.environ.update(question['env'], AWS_DATA_PATH=data)
    boto = None if 'words' in question else attempt(with_boto3, question)
    answers.append({'boto3': boto, 'cli': attempt(with_cli, question)})
json.dump(answers, sys.stdout)
