using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace Gateway.Crypto.Aead;

/// <summary>
/// One packet on a processor with instructions for it (NIST SP 800-38D §7): additional data, whole groups of eight blocks, the rest, the length block, the tag.
/// <code>
/// GHASH multiplies   AAD | group | group | … | rest (0 to 8 blocks) | lengths     by     H^n … H^3 H^2 H
/// counters           1 = mask of the tag, 2 … = text
/// </code>
/// Since every block has its own power, the order of work is free: the rest goes first. Its keystream comes with the mask, its products run
/// beside the first group, and all that is left after the last group is the hash of that group, beside which the next packet starts.
/// </summary>
internal static unsafe class GcmPacket<TLoop, TUnit>
    where TLoop : struct, IGroupLoop
    where TUnit : struct, ICipherUnit
{
    private const int GroupLength = 128;

    /// <summary>Groups in a run that does not end the packet; the last run takes at least one group, the rest and the lengths.</summary>
    private const int GroupsPerRun = AesGcmKeyBlock.Powers / 8 - 2;

    /// <summary>128 bytes of zeros in the program's image, which does not move.</summary>
    private static byte* Zeros
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => (byte*)Unsafe.AsPointer(ref MemoryMarshal.GetReference(ZeroGroup));
    }

    private static ReadOnlySpan<byte> ZeroGroup =>
    [
        0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
        0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
        0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
        0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    ];

    internal static void PrepareKey(AesGcmKeyBlock* block, byte* key, int length, int powers)
    {
        AesKeySchedule.Expand<TUnit>(key, length, block->RoundKeys);
        var roundKeys = (Vector128<byte>*)block->RoundKeys;
        // SP 800-38D §7.1: H = E(K, 0).
        var h = TUnit.FirstRound(default, roundKeys);
        for (var i = 2; i < block->Rounds; i++) h = TUnit.Round(h, roundKeys + i);
        h = TUnit.LastRound(h, roundKeys + block->Rounds);
        CounterStart.Prepare<TUnit>(roundKeys, block->FirstRound);
        Ghash.PreparePowers<TUnit>(h, (Vector128<ulong>*)block->HashPowers + AesGcmKeyBlock.Powers, powers);
    }

    [SkipLocalsInit]
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    internal static void Encrypt(AesGcmKeyBlock* key, byte* nonce, byte* aad, int aadLength, byte* source, byte* destination, int length, byte* tag, int tagLength)
    {
        var groups = length / GroupLength;
        var restSource = source + groups * GroupLength;
        var restDestination = destination + groups * GroupLength;
        var rest = length % GroupLength;
        var restBlocks = (rest + 15) / 16;
        var powersEnd = (Vector128<ulong>*)key->HashPowers + AesGcmKeyBlock.Powers;

        var scratch = stackalloc Vector128<byte>[Keystream<TUnit>.Room];
        // SP 800-38D §7.1: J0 = nonce | 1
        var counterBlock = Vector128.Create(*(ulong*)nonce, *(uint*)(nonce + 8)).AsUInt32();
        var first = CounterStart.Base<TUnit>(counterBlock, 1, (Vector128<byte>*)key->RoundKeys);
        Keystream<TUnit>.Fill(new Keystream<TUnit>.Start(key, counterBlock, first, 2 + 8 * (uint)groups), scratch, restBlocks + 1);
        var mask = scratch[0];
        var stream = scratch;

        Vector128<ulong> low = default, middle = default, high = default;
        var power = powersEnd - 1 - restBlocks;
        for (; rest >= 16; rest -= 16, restSource += 16, restDestination += 16)
        {
            var block = *(Vector128<byte>*)restSource ^ *++stream;
            *(Vector128<byte>*)restDestination = block;
            Ghash.Add<TUnit>(TUnit.SwapBytes(block), power++, ref low, ref middle, ref high);
        }
        if (rest != 0)
        {
            var block = (PartialBlock.Load(restSource, rest) ^ *++stream) & PartialBlock.Mask(rest);
            PartialBlock.Store(restDestination, block, rest);
            Ghash.Add<TUnit>(TUnit.SwapBytes(block), power++, ref low, ref middle, ref high);
        }
        Ghash.Add<TUnit>(Lengths(aadLength, length), power, ref low, ref middle, ref high);

        if (groups == 0) AddAad(aad, aadLength, powersEnd - 1 - restBlocks, powersEnd, ref low, ref middle, ref high);
        else
        {
            GcmState state;
            StartGroups(&state, counterBlock, first, powersEnd, aad, aadLength, groups, restBlocks + 1);
            // Beside the first group there is nothing to be hashed yet: zeros, whose power does not matter, keep the loop without a branch.
            var lead = 1;
            var hashed = Zeros;
            state.Power -= 8;
            for (; 8 * groups + restBlocks + 1 > AesGcmKeyBlock.Powers; groups -= GroupsPerRun)
            {
                var taken = GroupsPerRun + lead;
                TLoop.Run(&state, key, source, destination, hashed, destination, taken);
                source += taken * GroupLength;
                destination += taken * GroupLength;
                NextRun(&state, powersEnd, groups - GroupsPerRun, restBlocks + 1);
                hashed = destination - GroupLength;
                lead = 0;
            }
            TLoop.Run(&state, key, source, destination, hashed, destination, groups - 1 + lead);
            destination += (groups - 2 + lead) * GroupLength;
            power = state.Power;
            low ^= state.Low;
            middle ^= state.Middle;
            high ^= state.High;
            for (var i = 0; i < 8; i++) Ghash.Add<TUnit>(TUnit.SwapBytes(((Vector128<byte>*)destination)[i]), power++, ref low, ref middle, ref high);
        }
        WriteTag(TUnit.SwapBytes(Ghash.Reduce<TUnit>(low, middle, high)) ^ mask, tag, tagLength);
    }

    [SkipLocalsInit]
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    internal static bool Decrypt(AesGcmKeyBlock* key, byte* nonce, byte* aad, int aadLength, byte* source, byte* destination, int length, byte* tag, int tagLength)
    {
        var groups = length / GroupLength;
        var restSource = source + groups * GroupLength;
        var restDestination = destination + groups * GroupLength;
        var rest = length % GroupLength;
        var restBlocks = (rest + 15) / 16;
        var powersEnd = (Vector128<ulong>*)key->HashPowers + AesGcmKeyBlock.Powers;
        var begin = destination;

        var scratch = stackalloc Vector128<byte>[Keystream<TUnit>.Room];
        // SP 800-38D §7.1: J0 = nonce | 1
        var counterBlock = Vector128.Create(*(ulong*)nonce, *(uint*)(nonce + 8)).AsUInt32();
        var first = CounterStart.Base<TUnit>(counterBlock, 1, (Vector128<byte>*)key->RoundKeys);
        Keystream<TUnit>.Fill(new Keystream<TUnit>.Start(key, counterBlock, first, 2 + 8 * (uint)groups), scratch, restBlocks + 1);
        var mask = scratch[0];
        var stream = scratch;

        Vector128<ulong> low = default, middle = default, high = default;
        var power = powersEnd - 1 - restBlocks;
        for (; rest >= 16; rest -= 16, restSource += 16, restDestination += 16)
        {
            var block = *(Vector128<byte>*)restSource;
            Ghash.Add<TUnit>(TUnit.SwapBytes(block), power++, ref low, ref middle, ref high);
            *(Vector128<byte>*)restDestination = block ^ *++stream;
        }
        if (rest != 0)
        {
            var block = PartialBlock.Load(restSource, rest);
            Ghash.Add<TUnit>(TUnit.SwapBytes(block), power++, ref low, ref middle, ref high);
            PartialBlock.Store(restDestination, block ^ *++stream, rest);
        }
        Ghash.Add<TUnit>(Lengths(aadLength, length), power, ref low, ref middle, ref high);

        if (groups == 0) AddAad(aad, aadLength, powersEnd - 1 - restBlocks, powersEnd, ref low, ref middle, ref high);
        else
        {
            GcmState state;
            StartGroups(&state, counterBlock, first, powersEnd, aad, aadLength, groups, restBlocks + 1);
            for (; 8 * groups + restBlocks + 1 > AesGcmKeyBlock.Powers; groups -= GroupsPerRun)
            {
                TLoop.Run(&state, key, source, destination, source, source + GroupLength, GroupsPerRun);
                source += GroupsPerRun * GroupLength;
                destination += GroupsPerRun * GroupLength;
                NextRun(&state, powersEnd, groups - GroupsPerRun, restBlocks + 1);
            }
            TLoop.Run(&state, key, source, destination, source, source + GroupLength, groups);
            low ^= state.Low;
            middle ^= state.Middle;
            high ^= state.High;
        }
        if (TagFits(TUnit.SwapBytes(Ghash.Reduce<TUnit>(low, middle, high)) ^ mask, tag, tagLength)) return true;
        Unsafe.InitBlockUnaligned(begin, 0, (uint)length);
        return false;
    }

    /// <summary>SP 800-38D §7.1 step 5: both lengths in bits end the hash. Built in swapped order, so the length of the text is the lower half.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<byte> Lengths(int aadLength, int length) => Vector128.Create((ulong)(uint)length * 8, (ulong)(uint)aadLength * 8).AsByte();

    /// <summary>Counter, first power, and the additional data's part of the sums. <paramref name="after"/> blocks follow the groups.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void StartGroups(
        GcmState* state, Vector128<uint> nonce, Vector128<byte> first, Vector128<ulong>* powersEnd, byte* aad, int aadLength, int groups, int after)
    {
        state->Nonce = nonce;
        state->Base = first;
        state->Counter = 2;
        var power = powersEnd - RunLength(groups, after);
        Vector128<ulong> low = default, middle = default, high = default;
        AddAad(aad, aadLength, power, powersEnd, ref low, ref middle, ref high, isTableFull: 8 * groups + after >= AesGcmKeyBlock.Powers);
        state->Low = low;
        state->Middle = middle;
        state->High = high;
        state->Power = power;
    }

    /// <summary>Jumbo frames: the sums are reduced, and what they come to is a factor of the next run's first power.</summary>
    private static void NextRun(GcmState* state, Vector128<ulong>* powersEnd, int groups, int after)
    {
        var sum = Ghash.Reduce<TUnit>(state->Low, state->Middle, state->High);
        Vector128<ulong> low = default, middle = default, high = default;
        state->Power = powersEnd - RunLength(groups, after);
        Ghash.Add<TUnit>(sum, state->Power, ref low, ref middle, ref high);
        state->Low = low;
        state->Middle = middle;
        state->High = high;
    }

    /// <summary>Blocks until the next reduction.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static int RunLength(int groups, int after) => 8 * groups + after > AesGcmKeyBlock.Powers ? 8 * GroupsPerRun : 8 * groups + after;

    /// <summary>
    /// Adds the additional data's product. <paramref name="power"/> is that of the block after it; one block of additional data takes the next
    /// higher one, if the table has it. Longer data is hashed by itself, and its hash is added like an earlier run's.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void AddAad(
        byte* aad, int aadLength, Vector128<ulong>* power, Vector128<ulong>* powersEnd, ref Vector128<ulong> low, ref Vector128<ulong> middle, ref Vector128<ulong> high,
        bool isTableFull = false)
    {
        // RFC 4106 §5: ESP has 8 bytes, or 12 with extended sequence numbers.
        if (aadLength == 8 && !isTableFull)
            Ghash.Add<TUnit>(TUnit.SwapBytes(Vector128.CreateScalar(*(ulong*)aad).AsByte()), power - 1, ref low, ref middle, ref high);
        else if (aadLength == 12 && !isTableFull)
            Ghash.Add<TUnit>(TUnit.SwapBytes(Vector128.Create(*(ulong*)aad, *(uint*)(aad + 8)).AsByte()), power - 1, ref low, ref middle, ref high);
        else if (aadLength > 0)
        {
            Vector128<byte> hash;
            HashAad(aad, aadLength, powersEnd - 1, &hash);
            Ghash.Add<TUnit>(hash, power, ref low, ref middle, ref high);
        }
    }

    /// <summary>IKE's headers: rare, so block by block.</summary>
    private static void HashAad(byte* aad, int aadLength, Vector128<ulong>* h, Vector128<byte>* hash)
    {
        var sum = Vector128<byte>.Zero;
        for (; aadLength > 0; aad += 16, aadLength -= 16)
        {
            Vector128<ulong> low = default, middle = default, high = default;
            var block = aadLength >= 16 ? *(Vector128<byte>*)aad : PartialBlock.Load(aad, aadLength);
            Ghash.Add<TUnit>(TUnit.SwapBytes(block) ^ sum, h, ref low, ref middle, ref high);
            sum = Ghash.Reduce<TUnit>(low, middle, high);
        }
        *hash = sum;
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
