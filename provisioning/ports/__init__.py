"""What the use cases need from the outside, as small Protocols. Adapters and test fakes keep the same contract."""
