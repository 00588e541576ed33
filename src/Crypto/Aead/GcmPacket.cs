using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Aes = System.Runtime.Intrinsics.X86.Aes;

namespace Gateway.Crypto.Aead;

/// <summary>
/// One packet on x86 (NIST SP 800-38D §7): additional data, whole groups of eight blocks, the rest, the length block, the tag.
/// <code>
/// GHASH order:  AAD | group | group | … | rest (0 to 8 blocks) | lengths
/// counters:     1 = mask of the tag (J0), 2 … = text
/// </code>
/// </summary>
internal static unsafe class GcmPacket<TLoop>
    where TLoop : struct, IGroupLoop
{
    private const int GroupLength = 128;

    internal static void PrepareKey(AesGcmKeyBlock* block, byte* key, int length)
    {
        AesKeySchedule.Expand(key, length, block->RoundKeys);
        var roundKeys = (Vector128<byte>*)block->RoundKeys;
        // H = E(K, 0), so the first round key itself enters the rounds.
        var h = roundKeys[0];
        for (var i = 1; i < block->Rounds; i++) h = Aes.Encrypt(h, roundKeys[i]);
        h = Aes.EncryptLast(h, roundKeys[block->Rounds]);
        Ghash.PreparePowers(h, (Vector128<ulong>*)block->HashPowers, AesGcmKeyBlock.Powers);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    internal static void Encrypt(AesGcmKeyBlock* key, byte* nonce, byte* aad, int aadLength, byte* source, byte* destination, int length, byte* tag, int tagLength)
    {
        GcmState state = default;
        var stream = stackalloc Vector128<byte>[Keystream.Room];
        var groups = length / GroupLength;
        var counter = Start(&state, key, nonce, aad, aadLength, length, groups);

        if (groups > 0)
        {
            // Nothing is there to be hashed beside the first group; after that each group hashes the one before it.
            Keystream.Fill(state.Counter, key, stream, 8);
            state.Counter += Vector128.Create(0u, 0, 0, 8);
            for (var i = 0; i < 8; i++) ((Vector128<byte>*)destination)[i] = ((Vector128<byte>*)source)[i] ^ stream[i];
            source += GroupLength;
            destination += GroupLength;
            TLoop.Run(&state, key, source, destination, destination - GroupLength, groups - 1);
            source += (groups - 1) * GroupLength;
            destination += (groups - 1) * GroupLength;
        }

        var rest = length % GroupLength;
        var whole = rest / 16;
        var mask = RestOfStream(&state, key, counter, stream, groups, whole + 1);
        if (groups > 0)
        {
            state.EndRunWhenFull();
            for (var i = -8; i < 0; i++) state.Hash(((Vector128<byte>*)destination)[i]);
        }

        state.EndRunWhenFull();
        for (var i = 0; i < whole; i++)
        {
            var block = ((Vector128<byte>*)source)[i] ^ stream[i + 1];
            ((Vector128<byte>*)destination)[i] = block;
            state.Hash(block);
        }
        if (rest % 16 != 0)
        {
            var part = rest % 16;
            var block = (PartialBlock.Load(source + 16 * whole, part) ^ stream[whole + 1]) & PartialBlock.Mask(part);
            PartialBlock.Store(destination + 16 * whole, block, part);
            state.Hash(block);
        }
        WriteTag(Finish(&state, mask, aadLength, length), tag, tagLength);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    internal static bool Decrypt(AesGcmKeyBlock* key, byte* nonce, byte* aad, int aadLength, byte* source, byte* destination, int length, byte* tag, int tagLength)
    {
        GcmState state = default;
        var stream = stackalloc Vector128<byte>[Keystream.Room];
        var groups = length / GroupLength;
        var counter = Start(&state, key, nonce, aad, aadLength, length, groups);
        var begin = destination;

        if (groups > 0)
        {
            TLoop.Run(&state, key, source, destination, source, groups);
            source += groups * GroupLength;
            destination += groups * GroupLength;
        }

        var rest = length % GroupLength;
        var whole = rest / 16;
        var mask = RestOfStream(&state, key, counter, stream, groups, whole + 1);
        state.EndRunWhenFull();
        for (var i = 0; i < whole; i++)
        {
            var block = ((Vector128<byte>*)source)[i];
            state.Hash(block);
            ((Vector128<byte>*)destination)[i] = block ^ stream[i + 1];
        }
        if (rest % 16 != 0)
        {
            var part = rest % 16;
            var block = PartialBlock.Load(source + 16 * whole, part);
            state.Hash(block);
            PartialBlock.Store(destination + 16 * whole, block ^ stream[whole + 1], part);
        }
        if (TagFits(Finish(&state, mask, aadLength, length), tag, tagLength)) return true;
        Unsafe.InitBlockUnaligned(begin, 0, (uint)length);
        return false;
    }

    /// <summary>Sets up the counter and hashes the additional data. Returns the counter of the tag's mask (SP 800-38D §7.1: J0 = nonce | 1).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<uint> Start(GcmState* state, AesGcmKeyBlock* key, byte* nonce, byte* aad, int aadLength, int length, int groups)
    {
        var first = Vector128.Create(*(uint*)nonce, *(uint*)(nonce + 4), *(uint*)(nonce + 8), 1u);
        state->Counter = first + Vector128.Create(0u, 0, 0, 1);
        state->PowersEnd = (Vector128<ulong>*)key->HashPowers + AesGcmKeyBlock.Powers;
        // A block of text may be a part, and the lengths are one more.
        var blocks = (length + 15) / 16 + 1;
        if (aadLength is > 0 and <= 16)
        {
            state->StartRun(1, groups, blocks + 1);
            state->Hash(aadLength == 16 ? *(Vector128<byte>*)aad : PartialBlock.Load(aad, aadLength));
        }
        else
        {
            if (aadLength > 0) HashLongAad(state, aad, aadLength);
            state->StartRun(0, groups, blocks);
        }
        return first;
    }

    /// <summary>IKE's headers and whatever else is longer than a block: rare, so block by block.</summary>
    private static void HashLongAad(GcmState* state, byte* aad, int aadLength)
    {
        for (; aadLength > 0; aad += 16, aadLength -= 16)
        {
            state->Power = state->PowersEnd - 1;
            state->Hash(aadLength >= 16 ? *(Vector128<byte>*)aad : PartialBlock.Load(aad, aadLength));
            state->Carry = Ghash.Reduce(state->Low, state->Middle, state->High);
            state->Low = state->Middle = state->High = default;
        }
    }

    /// <summary>Keystream for what is left, from stream[1] on; returns the tag's mask. A packet without groups makes both at once.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<byte> RestOfStream(GcmState* state, AesGcmKeyBlock* key, Vector128<uint> first, Vector128<byte>* stream, int groups, int count)
    {
        if (groups == 0)
        {
            Keystream.Fill(first, key, stream, count + 1);
            return stream[0];
        }
        Keystream.Fill(state->Counter, key, stream + 1, count);
        Keystream.Fill(first, key, stream + 9, 1);
        return stream[9];
    }

    /// <summary>SP 800-38D §7.1 steps 5 and 6: the lengths in bits end the hash; the mask makes it the tag.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<byte> Finish(GcmState* state, Vector128<byte> mask, int aadLength, int length)
    {
        // The block is built swapped, so the length of the text is the lower half.
        var lengths = Vector128.Create((ulong)(uint)length * 8, (ulong)(uint)aadLength * 8).AsByte();
        Ghash.Add(lengths ^ state->Carry, state->Power, ref state->Low, ref state->Middle, ref state->High);
        return Ghash.SwapBytes(Ghash.Reduce(state->Low, state->Middle, state->High)) ^ mask;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void WriteTag(Vector128<byte> computed, byte* tag, int tagLength)
    {
        if (tagLength == 16) *(Vector128<byte>*)tag = computed;
        else PartialBlock.Store(tag, computed, tagLength);
    }

    /// <summary>Compares all bytes, whatever the first ones say.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static bool TagFits(Vector128<byte> computed, byte* tag, int tagLength)
    {
        if (tagLength == 16) return (computed ^ *(Vector128<byte>*)tag) == default;
        return ((computed ^ PartialBlock.Load(tag, tagLength)) & PartialBlock.Mask(tagLength)) == default;
    }
}
