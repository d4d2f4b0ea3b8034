/**
 * Why a transaction cannot run, in the words of go-ethereum: libraries look for them (ethers makes NONCE_EXPIRED of `nonce too low`), and
 * those of the EVM name its own objects at length.
 */
export const refusalText = (reason: string): string => {
  const nonce = /account has nonce of: (\d+) tx has nonce of: (\d+)/.exec(reason);
  if (nonce !== null) {
    const [, next = '', given = ''] = nonce;
    return `nonce too ${BigInt(given) < BigInt(next) ? 'low' : 'high'}: next nonce ${next}, tx nonce ${given}`;
  }
  const funds = /cost is: (\d+) and the sender's account \((0x[\da-f]{40})\) only has: (\d+)/i.exec(reason);
  if (funds !== null) return `insufficient funds for gas * price + value: address ${funds[2]} have ${funds[3]} want ${funds[1]}`;
  const gas = /INTRINSIC_GAS_TOO_LOW: tx gas limit (\d+) is lower than the minimum gas limit of (\d+)/.exec(reason);
  if (gas !== null) return `intrinsic gas too low: have ${gas[1]}, want ${gas[2]}`;
  const fee = /\((\d+)\) is less than the block's baseFeePerGas \((\d+)\)/.exec(reason);
  if (fee !== null) return `max fee per gas less than block base fee: maxFeePerGas: ${fee[1]}, baseFee: ${fee[2]}`;
  return reason.replace(/ \(vm hf=.*$/s, '');
};
