// Files to test with: an age implementation has to open, or to refuse, each of
// them. Nothing is compiled from the module, so there is nothing to tidy. Its
// version is the one that the age of ../oracles is tested with.
module fluxseed.lab/age-vectors

go 1.26.0

require c2sp.org/CCTV/age v0.0.0-20260829155415-4448f2097b2d
