import { describeRpcConformance, transportsUnderTest } from '@portcall/testing';

for (const subject of transportsUnderTest()) describeRpcConformance(subject);
