// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.20;

/// @title Accuracy of models on labelled test sets, found by the chain.
/// @notice It stands in the genesis of a chain, so that a chain has one board. Anyone submits a test set, images and labels as stored inputs, and anyone
/// pays for a model to be scored on it, in parts; no number comes from outside. Whoever wants models to be judged on what nobody could
/// train on commits to the hashes of the set first, lets models be registered, and reveals the set afterwards.
contract Scores {
    struct TestSet {
        address images;
        uint64 samples;
        /// @dev Block in which images or labels were first registered: a model that is older was not trained on what stood here.
        uint64 disclosed;
        /// @dev Block of the commitment; that of the submission where there was none: a model that is younger was not chosen against.
        uint64 committed;
        address labels;
        address submitter;
    }
    struct Result {
        uint64 correct;
        uint64 counted;
        /// @dev Block in which the model was registered.
        uint64 registered;
    }
    struct Best {
        address model;
        uint64 correct;
    }

    /// @dev Slot 0. Test set n is testSets[n].
    TestSet[] public testSets;
    /// @dev Slot 1. Of a test set and a model.
    mapping(uint256 => mapping(address => Result)) public results;
    /// @dev Slot 2. The model with most right answers on the whole test set; the first of equals.
    mapping(uint256 => Best) public best;
    /// @dev Slot 3. Models that were scored on all of a test set, in the order in which they were done.
    mapping(uint256 => address[]) private done;
    /// @dev Slot 4. Block in which a commitment was made.
    mapping(bytes32 => uint256) public commitments;

    address internal constant SCORE = 0x43564d0000000000000000000000000000000004;

    event Committed(bytes32 indexed commitment, address indexed submitter);
    event Submitted(
        uint256 indexed set,
        address indexed submitter,
        address images,
        address labels,
        uint256 samples,
        uint256 disclosed,
        uint256 committed
    );
    event Counted(uint256 indexed set, address indexed model, uint256 correct, uint256 counted);
    event Scored(uint256 indexed set, address indexed model, uint256 correct, uint256 samples, bool isBest);

    error Refused(bytes reason);
    error NoSuchSet(uint256 set);
    error NotNext(uint256 from, uint256 expected);
    error OutOfRange(uint256 from, uint256 count, uint256 samples);
    error CommittedAlready(bytes32 commitment, uint256 blockNumber);
    error NotCommitted(bytes32 commitment);

    /// @param commitment keccak256(abi.encode(SHA-256 of the images, SHA-256 of the labels, salt, sender))
    function commit(bytes32 commitment) external {
        if (commitments[commitment] != 0) revert CommittedAlready(commitment, commitments[commitment]);
        commitments[commitment] = block.number;
        emit Committed(commitment, msg.sender);
    }

    /// @notice Submits a test set that nobody committed to.
    /// @param images stored input of the shape [n, ...sample]
    /// @param labels stored input of n u8, or n i32 with the most significant byte first
    function submit(address images, address labels) external returns (uint256 set) {
        (uint256 samples, , , uint256 disclosed) = _describe(images, labels);
        return _add(images, labels, samples, disclosed, block.number);
    }

    /// @notice Submits the test set that the sender committed to.
    function reveal(address images, address labels, bytes32 salt) external returns (uint256 set) {
        (uint256 samples, bytes32 imagesHash, bytes32 labelsHash, uint256 disclosed) = _describe(images, labels);
        bytes32 commitment = keccak256(abi.encode(imagesHash, labelsHash, salt, msg.sender));
        uint256 committed = commitments[commitment];
        if (committed == 0) revert NotCommitted(commitment);
        return _add(images, labels, samples, disclosed, committed);
    }

    /// @notice Runs a model on the next samples of a test set. Anyone may pay for it.
    /// @param from the samples that are counted already: of two who send the same, the second pays for nothing
    function run(address model, uint256 set, uint256 from, uint256 count) external returns (uint256 correct, uint256 counted) {
        if (set >= testSets.length) revert NoSuchSet(set);
        TestSet storage t = testSets[set];
        Result storage r = results[set][model];
        if (from != r.counted) revert NotNext(from, r.counted);
        if (count == 0 || count > t.samples - from) revert OutOfRange(from, count, t.samples);
        (bool ok, bytes memory answer) = SCORE.staticcall(abi.encode(model, t.images, t.labels, from, count));
        if (!ok) revert Refused(answer);
        (uint256 right, uint256 seen, uint256 registered) = abi.decode(answer, (uint256, uint256, uint256));
        correct = r.correct + right;
        counted = from + seen;
        r.correct = uint64(correct);
        r.counted = uint64(counted);
        if (from == 0) r.registered = uint64(registered);
        emit Counted(set, model, correct, counted);
        if (counted == t.samples) {
            done[set].push(model);
            bool isBest = best[set].model == address(0) || correct > best[set].correct;
            if (isBest) best[set] = Best(model, uint64(correct));
            emit Scored(set, model, correct, counted, isBest);
        }
    }

    /// @return unseen whether the model was registered before the test set was disclosed
    /// @return unchosen whether the test set was fixed before the model was registered
    function blind(uint256 set, address model) external view returns (bool unseen, bool unchosen) {
        if (set >= testSets.length) revert NoSuchSet(set);
        TestSet storage t = testSets[set];
        Result storage r = results[set][model];
        unseen = r.counted > 0 && r.registered < t.disclosed;
        unchosen = r.counted > 0 && t.committed < r.registered;
    }

    function setCount() external view returns (uint256) {
        return testSets.length;
    }

    function scoredCount(uint256 set) external view returns (uint256) {
        return done[set].length;
    }

    function scoredAt(uint256 set, uint256 i) external view returns (address) {
        return done[set][i];
    }

    function _describe(address images, address labels) private view returns (uint256, bytes32, bytes32, uint256) {
        (bool ok, bytes memory answer) = SCORE.staticcall(abi.encode(images, labels));
        if (!ok) revert Refused(answer);
        return abi.decode(answer, (uint256, bytes32, bytes32, uint256));
    }

    function _add(address images, address labels, uint256 samples, uint256 disclosed, uint256 committed) private returns (uint256 set) {
        set = testSets.length;
        testSets.push(TestSet(images, uint64(samples), uint64(disclosed), uint64(committed), labels, msg.sender));
        emit Submitted(set, msg.sender, images, labels, samples, disclosed, committed);
    }
}
