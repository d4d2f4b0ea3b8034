import { Contract, ContractFactory, isError, JsonRpcProvider, Wallet } from 'ethers';
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
import { TYPED } from './typed.ts';

export const tryEthers = async ({ url, model, abi, bytecode }: Room, sheet: Sheet): Promise<void> => {
  const check = sheet.check.bind(sheet, 'ethers');
  // blocks come at once: an answer of a quarter of a second ago is old
  const provider = new JsonRpcProvider(url, undefined, { cacheTimeout: -1, pollingInterval: 20 });
  const wallet = new Wallet(KEYS.ethers, provider);
  const form = new ContractFactory(abi as never, bytecode, wallet);
  let contract = new Contract(STRANGER, abi as never, wallet);
  const write = async (name: string, argument: unknown): Promise<void> => {
    const sent = (await contract.getFunction(name).send(argument)) as { readonly wait: () => Promise<{ readonly status: number } | null> };
    same((await sent.wait())?.status, 1);
  };
  const read = (name: string): Promise<unknown> => contract.getFunction(name).staticCall();
  const { domain, message } = TYPED;
  const types = { Person: [...TYPED.types.Person], Mail: [...TYPED.types.Mail] };
  try {
    await check('connect', async () => same((await provider.getNetwork()).chainId, 1337));
    await check('deploy', async () => {
      const made = await form.deploy(model);
      await made.waitForDeployment();
      contract = new Contract(await made.getAddress(), abi as never, wallet);
    });
    await check('write', () => write('store', 5n));
    await check('read', async () => same(await read('value'), 5));
    await check('logs', async () => {
      const events = await contract.queryFilter('Stored');
      same(events.length, 1);
      const [first] = events;
      same(first !== undefined && 'args' in first ? first.args['value'] : undefined, 5);
    });
    const reverted = async (n: number) => {
      const error = await errorOf(() => contract.getFunction('store').staticCall(n));
      if (!isError(error, 'CALL_EXCEPTION')) throw new Missed(error.message);
      return error;
    };
    await check('reason', async () => same((await reverted(REFUSED)).reason, REASON));
    await check('custom error', async () => {
      const { revert } = await reverted(TOO_LARGE);
      same(revert?.name, 'TooLarge');
      same(revert?.args.join(), `${TOO_LARGE},1000`);
    });
    await check('inference', async () => {
      await write('evolve', WEATHER);
      if ((await read('traits')) === UNBORN) throw new Missed('the traits are as they were');
      same(await read('generation'), 1);
    });
    await check('wrong nonce', async () => {
      const error = await errorOf(() => wallet.sendTransaction({ to: STRANGER, nonce: 0, gasLimit: 21_000n }));
      if (!isError(error, 'NONCE_EXPIRED')) throw new Missed(`no NONCE_EXPIRED: ${error.message}`);
    });
    await check('too little gas', async () =>
      holds(await textOf(() => contract.getFunction('store').send(6n, { gasLimit: 21_001n })), 'gas'),
    );
    await check('unknown account', async () =>
      holds(await textOf(() => provider.send('eth_sendTransaction', [{ from: STRANGER, to: STRANGER }])), 'no key of'),
    );
    const unlocked = await provider.getSigner(wallet.address);
    await check('sign', async () => {
      const text = await wallet.signMessage('a text');
      same(await unlocked.signMessage('a text'), text);
      same(await unlocked._legacySignMessage('a text'), text);
    });
    await check('typed data', async () =>
      same(await unlocked.signTypedData(domain, types, message), await wallet.signTypedData(domain, types, message)),
    );
  } finally {
    provider.destroy();
  }
};
