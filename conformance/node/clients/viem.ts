import { BaseError, ContractFunctionRevertedError, createPublicClient, createWalletClient, encodeFunctionData, type Hex, http } from 'viem';
import { privateKeyToAccount } from 'viem/accounts';
import {
  errorOf,
  holds,
  KEYS,
  Missed,
  REASON,
  REFUSED,
  type Room,
  same,
  type Sheet,
  STRANGER,
  textOf,
  TOO_LARGE,
  UNBORN,
  WEATHER,
} from './room.ts';
import { TYPED_VIEM } from './typed.ts';

export const tryViem = async ({ url, model, abi, bytecode }: Room, sheet: Sheet): Promise<void> => {
  const check = sheet.check.bind(sheet, 'viem');
  const chain = {
    id: 1337,
    name: 'dev',
    nativeCurrency: { name: 'Ether', symbol: 'ETH', decimals: 18 },
    rpcUrls: { default: { http: [url] } },
  };
  const options = { chain, transport: http(url), pollingInterval: 20 };
  const account = privateKeyToAccount(KEYS.viem);
  const open = createPublicClient(options);
  const wallet = createWalletClient({ ...options, account });
  const unlocked = createWalletClient({ ...options, account: account.address });
  let address: Hex = STRANGER;
  const store = (n: number) => open.simulateContract({ address, abi, functionName: 'store', args: [BigInt(n)], account });
  const write = async (functionName: string, args: readonly unknown[]) => {
    const hash = await wallet.writeContract({ address, abi, functionName, args });
    same((await open.waitForTransactionReceipt({ hash })).status, 'success');
  };
  const data = encodeFunctionData({ abi, functionName: 'store', args: [6n] });

  await check('connect', async () => same(await open.getChainId(), 1337));
  await check('deploy', async () => {
    const receipt = await open.waitForTransactionReceipt({ hash: await wallet.deployContract({ abi, bytecode, args: [model] }) });
    if (receipt.contractAddress === null || receipt.contractAddress === undefined) throw new Missed('no address in the receipt');
    address = receipt.contractAddress;
  });
  await check('write', () => write('store', [5n]));
  await check('read', async () => same(await open.readContract({ address, abi, functionName: 'value' }), 5));
  await check('logs', async () => {
    const events = await open.getContractEvents({ address, abi, eventName: 'Stored', fromBlock: 0n });
    same(events.length, 1);
    same((events[0] as unknown as { readonly args: { readonly value: bigint } }).args.value, 5);
  });
  const reverted = async (n: number): Promise<ContractFunctionRevertedError> => {
    const error = await errorOf(() => store(n));
    const found = error instanceof BaseError ? error.walk((e) => e instanceof ContractFunctionRevertedError) : null;
    if (!(found instanceof ContractFunctionRevertedError)) throw new Missed(error.message);
    return found;
  };
  await check('reason', async () => same((await reverted(REFUSED)).reason, REASON));
  await check('custom error', async () => {
    const { data: decoded } = await reverted(TOO_LARGE);
    same(decoded?.errorName, 'TooLarge');
    same(decoded?.args?.join(), `${TOO_LARGE},1000`);
  });
  await check('inference', async () => {
    await write('evolve', [WEATHER]);
    const traits = await open.readContract({ address, abi, functionName: 'traits' });
    if (traits === UNBORN) throw new Missed('the traits are as they were');
    same(await open.readContract({ address, abi, functionName: 'generation' }), 1);
  });
  await check('wrong nonce', async () =>
    holds(await textOf(() => wallet.sendTransaction({ to: STRANGER, nonce: 0, gas: 21_000n })), 'nonce'),
  );
  await check('too little gas', async () => holds(await textOf(() => wallet.sendTransaction({ to: address, data, gas: 21_001n })), 'gas'));
  await check('unknown account', async () =>
    holds(await textOf(() => unlocked.sendTransaction({ account: STRANGER, to: address, gas: 21_000n })), 'no key of'),
  );
  await check('sign', async () => {
    same(await unlocked.signMessage({ message: 'a text' }), await account.signMessage({ message: 'a text' }));
  });
  await check('typed data', async () => same(await unlocked.signTypedData(TYPED_VIEM), await account.signTypedData(TYPED_VIEM)));
};
