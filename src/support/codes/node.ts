import type { CodeInfo } from './info.ts';

export const nodeCodes = {
  NOD0001: {
    title: 'node cannot listen',
    explain: 'The address or port that the node is to listen on is taken or not allowed. Choose another: --port 0 takes any that is free.',
    exit: 6,
  },
  NOD0002: {
    title: 'node does not answer',
    explain: 'Nothing listens at the address of --rpc, or what listens there speaks no JSON-RPC. Start a node: cortexc node --dev.',
    exit: 6,
  },
  NOD0003: {
    title: 'node refuses',
    explain: 'The node was asked for something and said no; the message has its own words.',
    exit: 6,
  },
  NOD0004: {
    title: 'network of the node is open to others',
    explain:
      'A development node signs for accounts whose keys everyone knows. Bound to an address that others reach, it does what they ask.',
    exit: 2,
  },
  NOD0010: {
    title: 'folder of a node is in use',
    explain:
      'Another process has the folder of the chain or of the packages. One node writes to a folder at a time; a second one needs a folder of its own.',
    exit: 6,
  },
  NOD0011: {
    title: 'chain cannot be opened',
    explain:
      'The folder cannot be read or written, or what is in it is damaged in a way that its journal does not mend. What was on the disk stays as it is.',
    exit: 6,
  },
  NOD0012: {
    title: 'folder of another chain',
    explain:
      'The folder has a chain with other parameters than the ones asked for: the message names the first, with both values. Give the parameters of the chain, or another folder. A newer version of the node may keep chains in another format.',
    exit: 2,
  },
  NOD0030: {
    title: 'lines of the node cannot be written',
    explain: 'The file that --log or --trace-models names cannot be opened for appending: its folder is missing, or may not be written to.',
    exit: 6,
  },
  NOD0040: {
    title: 'a way to other stores lacks a package',
    explain:
      'IPFS between nodes needs libraries that are installed by those who want it, beside cortexc: the note names them. Without them packages come by HTTP, by BitTorrent or from a Kubo daemon (--ipfs-api), which need nothing.',
    exit: 4,
  },
  NOD0041: {
    title: 'a way to other stores cannot listen',
    explain:
      'The address or port that IPFS or BitTorrent is to listen on is taken, not allowed, or no address. Port 0 takes any that is free.',
    exit: 6,
  },
  NOD0051: {
    title: 'node of another chain',
    explain:
      'A node follows only nodes that agree with it on the chain: its number, hard fork, limits, the parameters of models and uploads, and the genesis that follows from them. The message names the first that differs, with both values. Nodes of different versions may differ in a parameter.',
    exit: 6,
  },
  NOD0052: {
    title: 'peer went back',
    explain:
      'The node that makes the blocks has other blocks now than those that were followed: evm_revert, or a chain that was begun anew. A node that follows never gives up what it has accepted, so it stops following. Start it anew.',
    exit: 6,
  },
  NOD0053: {
    title: 'nodes disagree',
    explain:
      'A block that a peer made does not give here what its header says. The node keeps its own state, follows no longer, and looks for the first inference and the first op whose results differ; what it finds is in the notes and, as a program with inputs and both outputs, in the folder of the report. One of the two backends is wrong: run the program on the reference.',
    exit: 1,
  },
  NOD0054: {
    title: 'transaction is not known',
    explain: 'The node has no transaction with this hash: it is in no block, or in one of another chain.',
    exit: 6,
  },
  NOD0055: {
    title: 'peer sends what cannot be',
    explain:
      'What another node answered is no answer, is larger than it may be, or is a block that no node of this chain makes. It is followed no longer; nothing of it was kept.',
    exit: 6,
  },
  NOD0060: {
    title: 'store has no room',
    explain:
      'The disk is full, or the store holds as many bytes as --store-bytes allows and nothing of it may be given up. Nothing was lost, and what came of a package stays for when there is room: remove packages (cortexc models remove), or allow more.',
    exit: 6,
  },
  NOD0061: {
    title: 'not the package that was announced',
    explain:
      'What came under the hash of a package is another one, is not whole, or has another size. A package is named by the SHA-256 of the record at its root (cortexc inspect shows it); what is refused is not kept.',
    exit: 3,
  },
  NOD0062: {
    title: 'file of the store is damaged',
    explain:
      'A package or an input of the node no longer has the digests that name it: the disk, or somebody, changed it. The file was put into set-aside/ of the store, and is fetched again where other nodes are known. Nothing about the chain depends on it.',
    exit: 3,
  },
  NOD0063: {
    title: 'package is being brought',
    explain:
      'Another client, or the node itself, is bringing the same package, or many are being uploaded. Ask again a little later; nothing is lost.',
    exit: 6,
  },
  NOD0064: {
    title: 'model is registered already',
    explain:
      'The chain has a registration of this package by the same author. To publish it once more is a second model with an address of its own: --again. An upload that was not finished goes on by itself.',
    exit: 2,
  },
  NOD0065: {
    title: 'admin rights are needed',
    explain:
      'What removes or pins packages, or fills the disk with inputs and with packages that no chain names, is done for nobody but whoever runs the node: from the machine itself while the node listens on loopback alone, or with the token of --admin-token-file (--admin-token-file of cortexc publish and cortexc models sends it; a WebSocket has it in the request that opens it).',
    exit: 6,
  },
  NOD0070: {
    title: 'state on disk is damaged',
    explain:
      'Something of the state of the chain is not in the folder of the node, cannot be read, or is not what its hash says: the disk, or somebody, changed it. Without it the node can neither make nor check a block, so it ends; a call that meets it is answered with this code. No block was made or refused because of it. Bring a copy of the folder back, or begin in an empty one (--data) and follow a peer.',
    exit: 6,
  },
} as const satisfies Record<string, CodeInfo>;
