/// INFER and INFERARRAY for contracts in Solidity, whose assembly knows no `verbatim`.
/// Call data: model, operand, words of the outputs, 0 for INFER (the operand is the address of a stored input) or 1 for INFERARRAY (it is
/// the slot of a `uint256[]`), a word each. INFER by staticcall, INFERARRAY by delegatecall: the array is that of the caller. Returns the
/// outputs in so many words; what the opcode reverts with is passed on. Compiled, it stands in InferOps.sol.
object "InferOps" {
    code {
        datacopy(0, dataoffset("runtime"), datasize("runtime"))
        return(0, datasize("runtime"))
    }
    object "runtime" {
        code {
            let model := calldataload(0)
            let operand := calldataload(32)
            let words := calldataload(64)
            mstore(0, words)
            switch calldataload(96)
            case 0 { pop(verbatim_3i_1o(hex"c0", model, operand, 0)) }
            default { pop(verbatim_3i_1o(hex"c1", model, operand, 0)) }
            return(32, mul(words, 32))
        }
    }
}
