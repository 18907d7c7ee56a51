import { describePortConformance, transportsUnderTest } from '@portcall/testing';

for (const subject of transportsUnderTest()) describePortConformance(subject);
