import t from 'tap';
import { CredentialError } from '../src/errors.js';

t.equal(new CredentialError('Throttling', 503, 'm').retryable, true);
t.equal(new CredentialError('AccessDenied', 403, 'm').retryable, false);
