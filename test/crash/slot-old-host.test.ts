// The old master's host dies, boots, and comes back, at any moment of a failover.
import { testEvents } from './slot-play.js';

testEvents((name) => name.startsWith('OLD'));
