// The shallow-deep cost function: total = CE(final) + sum over exits of tau_i(e) CE(exit_i).
// Kaya, Hong, Dumitras 2019 (SDN), which SPINN 4.1 trains with.

/**
 * The weight of every output in epoch `epoch` (from 0) of `epochs`, the final output's last: it is always 1.
 * tau_i(e) = min(C_i, 0.01 + e C_i / E): a ramp, so that early exits do not pull the young trunk towards themselves.
 *
 * @param fractions C_i: the share of the network's FLOPs that each exit stands at
 */
export function shallowDeepTau(fractions: readonly number[], epoch: number, epochs: number): number[] {
  return [...fractions.map((c) => Math.min(c, 0.01 + (epoch * c) / epochs)), 1];
}
