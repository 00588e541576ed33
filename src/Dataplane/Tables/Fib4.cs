using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Gateway.Dataplane.Tables;

/// <summary>
/// Longest prefix match for IPv4: a trie of 16, 8 and 8 bits per VRF, so a lookup is one to three loads. A slot holds an adjacency index or, with the top bit,
/// the number of a child. The prefix lengths that own the slots lie beside them for the control side.
/// </summary>
internal sealed unsafe class Fib4 : IDisposable
{
    public const int MaxVrfs = 256;
    private const uint ChildBit = 0x8000_0000;
    private const int RootSlots = 65536, ChildSlots = 256;

    private readonly Epochs _epochs;
    private readonly Node** _roots;
    private readonly Dictionary<(uint Vrf, uint Prefix, int Length), uint> _routes = [];

    /// <summary>A node of the trie: the slots, then a byte per slot with the length of the prefix that owns it.</summary>
    private struct Node
    {
        public uint* Slots;
        public byte* Lengths;
        public Node** Children;

        /// <summary>Routes longer than this node's parent slot can say; without any the node goes.</summary>
        public int Routes;
        public int Size;
    }

    public Fib4(Epochs epochs)
    {
        _epochs = epochs;
        _roots = (Node**)NativeMemory.AllocZeroed(MaxVrfs, (nuint)sizeof(Node*));
    }

    /// <summary>Routes in all VRFs.</summary>
    public int Count => _routes.Count;

    /// <summary>The adjacency of the longest prefix that covers the address (host order); 0 when none does.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public uint Lookup(uint vrf, uint address)
    {
        var node = (Node*)Volatile.Read(ref *(nint*)(_roots + (vrf & (MaxVrfs - 1))));
        if (node == null) return 0;
        var at = address >> 16;
        var value = Volatile.Read(ref node->Slots[at]);
        if ((value & ChildBit) == 0) return value;
        return LookupChild(node, at, address);
    }

    /// <summary>Adds or changes a route. Control side only.</summary>
    public void Set(uint vrf, uint prefix, int length, uint adjacency)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(vrf, (uint)MaxVrfs);
        ArgumentOutOfRangeException.ThrowIfGreaterThan((uint)length, 32u, nameof(length));
        prefix &= Mask(length);
        var isNew = !_routes.ContainsKey((vrf, prefix, length));
        _routes[(vrf, prefix, length)] = adjacency;
        if (_roots[vrf] == null) Volatile.Write(ref *(nint*)(_roots + vrf), (nint)NewNode(RootSlots, 0, 0));
        Write(_roots[vrf], 16, prefix, length, adjacency, (byte)length, isNew ? 1 : 0);
    }

    /// <summary>Removes a route; false when there was none. Control side only.</summary>
    public bool Remove(uint vrf, uint prefix, int length)
    {
        prefix &= Mask(length);
        if (!_routes.Remove((vrf, prefix, length))) return false;
        // The slots fall back to the next shorter prefix that covers this one.
        uint cover = 0;
        var coverLength = 0;
        for (var shorter = length - 1; shorter >= 0; shorter--)
            if (_routes.TryGetValue((vrf, prefix & Mask(shorter), shorter), out cover))
            {
                coverLength = shorter;
                break;
            }
        Write(_roots[vrf], 16, prefix, length, cover, (byte)coverLength, -1);
        return true;
    }

    /// <summary>The route of exactly this prefix. Control side only.</summary>
    public bool TryGet(uint vrf, uint prefix, int length, out uint adjacency) => _routes.TryGetValue((vrf, prefix & Mask(length), length), out adjacency);

    public void Dispose()
    {
        for (var i = 0; i < MaxVrfs; i++)
            if (_roots[i] != null) FreeNode(_roots[i], deep: true);
        NativeMemory.Free(_roots);
    }

    internal static uint Mask(int length) => length == 0 ? 0 : uint.MaxValue << (32 - length);

    private static uint LookupChild(Node* node, uint at, uint address)
    {
        var child = (Node*)Volatile.Read(ref *(nint*)(node->Children + at));
        if (child == null) return 0;
        at = address >> 8 & 0xFF;
        var value = Volatile.Read(ref child->Slots[at]);
        if ((value & ChildBit) == 0) return value;
        child = (Node*)Volatile.Read(ref *(nint*)(child->Children + at));
        return child == null ? 0 : Volatile.Read(ref child->Slots[address & 0xFF]);
    }

    /// <summary>Writes a route into the slots it owns. <paramref name="depth"/> = address bits that this node and those above decide.</summary>
    private void Write(Node* node, int depth, uint prefix, int length, uint value, byte owner, int routes)
    {
        var bits = depth == 16 ? 16 : 8;
        var slot = prefix >> (32 - depth) & (uint)(node->Size - 1);
        if (length > depth)
        {
            var child = Child(node, slot);
            child->Routes += routes;
            Write(child, depth + 8, prefix, length, value, owner, routes);
            if (child->Routes == 0) Collapse(node, slot, child);
            return;
        }
        var count = 1u << (depth - length < bits ? depth - length : bits);
        for (var i = slot; i < slot + count; i++) Fill(node, i, length, value, owner);
    }

    /// <summary>Gives a slot (and what its child inherited from it) a value, unless a longer prefix owns it.</summary>
    private static void Fill(Node* node, uint slot, int length, uint value, byte owner)
    {
        if ((node->Slots[slot] & ChildBit) != 0)
        {
            var child = node->Children[slot];
            for (uint i = 0; i < child->Size; i++) Fill(child, i, length, value, owner);
            return;
        }
        if (node->Lengths[slot] > length) return;
        node->Lengths[slot] = owner;
        Volatile.Write(ref node->Slots[slot], value);
    }

    private static Node* Child(Node* node, uint slot)
    {
        if ((node->Slots[slot] & ChildBit) != 0) return node->Children[slot];
        if (node->Children == null)
        {
            var children = (Node**)NativeMemory.AlignedAlloc((nuint)node->Size * (nuint)sizeof(Node*), 64);
            NativeMemory.Clear(children, (nuint)node->Size * (nuint)sizeof(Node*));
            Volatile.Write(ref *(nint*)&node->Children, (nint)children);
        }
        var child = NewNode(ChildSlots, node->Slots[slot], node->Lengths[slot]);
        Volatile.Write(ref *(nint*)(node->Children + slot), (nint)child);
        Volatile.Write(ref node->Slots[slot], ChildBit);
        return child;
    }

    /// <summary>Takes a child without routes of its own away; all its slots hold what the parent's slot would.</summary>
    private void Collapse(Node* node, uint slot, Node* child)
    {
        node->Lengths[slot] = child->Lengths[0];
        Volatile.Write(ref node->Slots[slot], child->Slots[0]);
        // The pointer stays: a worker that has just seen the child bit still follows it.
        var address = (nint)child;
        _epochs.Retire(() => FreeNode((Node*)address, deep: false));
    }

    private static Node* NewNode(int slots, uint value, byte length)
    {
        var node = (Node*)NativeMemory.AllocZeroed((nuint)sizeof(Node));
        node->Size = slots;
        node->Slots = (uint*)NativeMemory.AlignedAlloc((nuint)slots * sizeof(uint), 64);
        node->Lengths = (byte*)NativeMemory.AlignedAlloc((nuint)slots, 64);
        new Span<uint>(node->Slots, slots).Fill(value);
        new Span<byte>(node->Lengths, slots).Fill(length);
        return node;
    }

    private static void FreeNode(Node* node, bool deep)
    {
        if (deep && node->Children != null)
            for (var i = 0; i < node->Size; i++)
                if ((node->Slots[i] & ChildBit) != 0) FreeNode(node->Children[i], deep: true);
        NativeMemory.AlignedFree(node->Children);
        NativeMemory.AlignedFree(node->Slots);
        NativeMemory.AlignedFree(node->Lengths);
        NativeMemory.Free(node);
    }
}
