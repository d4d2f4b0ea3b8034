// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.20;

/// @title Which models and inputs a chain has, and in which state each is.
/// @notice It stands in the genesis of a chain. INFER reads `status` by its slot, so that the order of the variables is part of the protocol.
/// A model becomes usable when its upload has been metered in full and enough blocks have passed for nodes to fetch and prepare it.
contract ModelRegistry {
    /// @dev Slot 0. Bytes that remain to be uploaded, block in which the upload ended, block of the withdrawal; 64 bits each, lowest first.
    mapping(address => uint256) public status;
    /// @dev Slot 1. Who may withdraw and update.
    mapping(address => address) public authorOf;
    /// @dev Slot 2. The model that its author names as the next version.
    mapping(address => address) public successorOf;
    /// @dev Slot 3. Bytes of uploads that every block adds to the quota.
    uint256 public quotaPerBlock;
    /// @dev Slot 4. Most bytes that one call of `upload` meters.
    uint256 public chunkBytes;
    /// @dev Slot 5. Wei a byte, paid at registration to whoever makes the block.
    uint256 public feePerByte;
    /// @dev Slot 6. Bytes metered since the first block.
    uint256 public quotaUsed;
    /// @dev Slot 7. Largest model.
    uint256 public maxBytes;
    /// @dev Slot 8. Written by the chain itself after each transaction, never by this contract: inferences that transactions paid for
    /// in the low 64 bits, gas of the author's fees in them in the 128 bits above. A transaction does not see its own.
    mapping(address => uint256) private usage;

    address internal constant VERIFY = 0x43564D0000000000000000000000000000000003;

    event Registered(address indexed account, address indexed author, bytes32 indexed hash, uint256 size, bool isModel);
    event Uploaded(address indexed account, uint256 remaining);
    event Ready(address indexed account, uint256 blockNumber);
    event Withdrawn(address indexed account, uint256 blockNumber);
    event Updated(address indexed account, address indexed successor);

    error Refused(bytes reason);
    error NotAuthor(address account, address author);
    error NotRegistered(address account);
    error NothingToUpload(address account);
    error QuotaUsedUp(uint256 available);
    error FeeTooLow(uint256 given, uint256 wanted);
    error TooLarge(uint256 size, uint256 limit);

    /// @param fee gas that each inference pays to the author
    /// @param record the record at the root of the package
    /// @param bytecode the program; its signature and its cost are read from it, nothing has to be believed
    function register(uint256 fee, bytes calldata record, bytes calldata bytecode) public payable returns (address account) {
        return _register(abi.encodePacked(uint256(0), fee, uint256(uint160(msg.sender)), block.number, record.length, record, bytecode), true);
    }

    /// @param hash SHA-256 of the packed elements
    /// @param shape of the tensor
    function registerInput(bytes32 hash, uint256 size, uint256[] calldata shape) external payable returns (address account) {
        return _register(abi.encodePacked(uint256(1), hash, size, block.number, shape), false);
    }

    /// @notice A new version of a model; the old one stays until it is withdrawn.
    function update(address old, uint256 fee, bytes calldata record, bytes calldata bytecode) external payable returns (address account) {
        _onlyAuthor(old);
        account = register(fee, record, bytecode);
        successorOf[old] = account;
        emit Updated(old, account);
    }

    /// @notice Meters the next part of an upload. Anyone may pay for it.
    function upload(address account) external {
        uint256 s = status[account];
        if (s == 0) revert NotRegistered(account);
        uint256 remaining = s & type(uint64).max;
        if (remaining == 0) revert NothingToUpload(account);
        uint256 part = remaining < chunkBytes ? remaining : chunkBytes;
        uint256 available = quotaPerBlock * block.number - quotaUsed;
        if (part > available) revert QuotaUsedUp(available);
        quotaUsed += part;
        remaining -= part;
        if (remaining == 0) {
            status[account] = block.number << 64;
            emit Ready(account, block.number);
        } else {
            status[account] = remaining;
        }
        emit Uploaded(account, remaining);
    }

    /// @notice Ends a model. Contracts that use it have the blocks of custody to move on.
    function withdraw(address account) external {
        _onlyAuthor(account);
        uint256 s = status[account];
        if (s >> 128 == 0) {
            status[account] = s | (block.number << 128);
            emit Withdrawn(account, block.number);
        }
    }

    /// @notice Inferences that transactions before this one paid for, those of frames that reverted among them.
    function runsOf(address model) external view returns (uint256) {
        return usage[model] & type(uint64).max;
    }

    /// @notice Gas that these inferences charged for the author.
    function feesOf(address model) external view returns (uint256) {
        return usage[model] >> 64;
    }

    function _onlyAuthor(address account) private view {
        if (authorOf[account] != msg.sender) revert NotAuthor(account, authorOf[account]);
    }

    function _register(bytes memory call, bool isModel) private returns (address account) {
        (bool done, bytes memory answer) = VERIFY.staticcall(call);
        if (!done) revert Refused(answer);
        uint256 size;
        bytes32 hash;
        uint256 codeLength = answer.length - 64;
        assembly {
            size := mload(add(answer, 32))
            hash := mload(add(answer, 64))
        }
        if (size > maxBytes) revert TooLarge(size, maxBytes);
        if (msg.value < size * feePerByte) revert FeeTooLow(msg.value, size * feePerByte);
        assembly {
            // 61 <length> 80 60 0a 3d 39 3d f3: copies what follows into memory and returns it
            let start := add(answer, 86)
            let prefix := or(or(shl(248, 0x61), shl(232, codeLength)), shl(176, 0x80600a3d393df3))
            let kept := mload(start)
            mstore(start, or(prefix, and(kept, 0xffffffffffffffffffffffffffffffffffffffffffff)))
            account := create2(0, start, add(codeLength, 10), hash)
        }
        if (account == address(0)) revert Refused("the same registration exists");
        status[account] = size;
        authorOf[account] = msg.sender;
        emit Registered(account, msg.sender, hash, size, isModel);
        if (msg.value > 0) {
            (bool paid, ) = block.coinbase.call{value: msg.value}("");
            if (!paid) revert Refused("the fee could not be paid");
        }
    }
}
