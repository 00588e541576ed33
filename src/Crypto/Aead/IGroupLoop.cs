namespace Gateway.Crypto.Aead;

/// <summary>
/// The part of a kernel that most of the time goes to: whole groups of eight blocks (128 bytes), AES of one group and GHASH of another stitched
/// together, so that the AES unit and the multiplier both stay busy. The two paths for x86 differ in nothing else.
/// </summary>
internal unsafe interface IGroupLoop
{
    /// <summary>
    /// Encrypts the counters of <paramref name="groups"/> groups into source ^ keystream, and hashes as many: first the one at
    /// <paramref name="hashed"/>, then those from <paramref name="hashedNext"/> on. Decrypting hashes the input. Encrypting hashes the output of
    /// the group before; beside the first one, a group of zeros. The powers in the state suffice for all of them.
    /// </summary>
    static abstract void Run(GcmState* state, AesGcmKeyBlock* key, byte* source, byte* destination, byte* hashed, byte* hashedNext, int groups);
}
