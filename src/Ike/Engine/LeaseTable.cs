using System.Net;
using Gateway.Ike.Sa;
using Gateway.Policy.Events;

namespace Gateway.Ike.Engine;

/// <summary>A lease as the journal tells of it, for the start.</summary>
public sealed record JournalledLease(string Pool, IPAddress Address, string Identity, bool Online);

/// <summary>
/// Who has which address of the pools. An address is online while an IKE SA that has it is alive; afterwards it is kept for its identity, and given to another
/// one only when the pool has no address that nobody ever had.
/// </summary>
internal sealed class LeaseTable
{
    private sealed class Entry
    {
        public required string Identity { get; set; }

        /// <summary>Living IKE SAs that have the address.</summary>
        public int Users { get; set; }

        /// <summary>The journal says that it is online.</summary>
        public bool Online { get; set; }

        /// <summary>Its place among those that nobody uses, when it is there.</summary>
        public LinkedListNode<IPAddress>? Idle { get; set; }
    }

    private sealed class Book
    {
        public Dictionary<IPAddress, Entry> ByAddress { get; } = [];

        public Dictionary<string, List<IPAddress>> ByIdentity { get; } = [];

        /// <summary>Kept for their identities, the one that was left first in front.</summary>
        public LinkedList<IPAddress> Idle { get; } = new();

        /// <summary>All places before it were given already.</summary>
        public long Next { get; set; }
    }

    private readonly Dictionary<string, Book> _books = [];
    private readonly Dictionary<IPAddress, int> _users = [];
    private Dictionary<string, AddressPool> _pools = [];

    public void SetPools(IReadOnlyList<AddressPool> pools)
    {
        _pools = pools.ToDictionary(p => p.Name);
        foreach (var (name, book) in _books)
            if (_pools.ContainsKey(name)) book.Next = 0;
    }

    /// <summary>Takes over what the journal says; online is what a living IKE SA uses, and the others are released.</summary>
    public void Restore(IEnumerable<JournalledLease> leases, Action<LeaseReleased> released)
    {
        foreach (var lease in leases)
        {
            var (book, users) = (BookOf(lease.Pool), _users.GetValueOrDefault(lease.Address));
            if (book.ByAddress.ContainsKey(lease.Address)) continue;
            var entry = new Entry { Identity = lease.Identity, Users = users, Online = users > 0 };
            Put(book, lease.Address, entry);
            if (users == 0) entry.Idle = book.Idle.AddLast(lease.Address);
            if (lease.Online && users == 0) released(new LeaseReleased(lease.Pool, lease.Address, lease.Identity));
        }
    }

    /// <summary>Finds an address; null when there is none. It is used only once <see cref="Use"/> says so.</summary>
    public Lease? Find(LeaseRequest request)
    {
        var pools = request.Pools.Select(n => _pools.GetValueOrDefault(n)).OfType<AddressPool>().Where(p => p.Family == request.Family).ToList();
        foreach (var pool in pools)
            if (Own(pool, request) is { } own) return Grant(pool, own, request);
        foreach (var pool in pools)
            if (Fresh(pool, request.Wanted) is { } fresh) return Grant(pool, fresh, request);
        foreach (var pool in pools)
            if (BookOf(pool.Name).Idle.FirstOrDefault(pool.Contains) is { } idle) return Grant(pool, idle, request);
        return null;
    }

    /// <summary>A living IKE SA has the address.</summary>
    public void Use(IPAddress address)
    {
        _users[address] = _users.GetValueOrDefault(address) + 1;
        if (FindEntry(address) is not { } found) return;
        found.Entry.Users++;
        Wake(found.Book, found.Entry);
    }

    /// <summary>An IKE SA that had the address is no more; a fact when it was the last one.</summary>
    public LeaseReleased? Leave(IPAddress address)
    {
        if (_users.TryGetValue(address, out var users) && users > 1) _users[address] = users - 1;
        else _users.Remove(address);
        if (FindEntry(address) is not { } found || found.Entry.Users == 0 || --found.Entry.Users > 0) return null;
        return Rest(found);
    }

    /// <summary>The addresses of a step that found them and then made nothing of them.</summary>
    public IEnumerable<LeaseReleased> Unused(IEnumerable<IPAddress> addresses)
    {
        foreach (var address in addresses)
            if (FindEntry(address) is { Entry.Users: 0 } found) yield return Rest(found);
    }

    private static LeaseReleased Rest((string Pool, IPAddress Address, Book Book, Entry Entry) found)
    {
        found.Entry.Online = false;
        found.Entry.Idle ??= found.Book.Idle.AddLast(found.Address);
        return new LeaseReleased(found.Pool, found.Address, found.Entry.Identity);
    }

    // What the identity has already: the one that it wants, else one that nobody uses, else one of an IKE SA that this one stands for.
    private IPAddress? Own(AddressPool pool, LeaseRequest request)
    {
        var book = BookOf(pool.Name);
        if (!book.ByIdentity.TryGetValue(request.Identity, out var addresses)) return null;
        var usable = addresses.Where(pool.Contains).ToList();
        // The same peer may ask for its address on a further IKE SA: so it does when it authenticates anew before it breaks the old one.
        if (request.Wanted is { } wanted && usable.Contains(wanted)) return wanted;
        return usable.Find(a => book.ByAddress[a] is { Users: 0, Online: false }) ?? (request.Takes ? usable.FirstOrDefault() : null);
    }

    private IPAddress? Fresh(AddressPool pool, IPAddress? wanted)
    {
        var book = BookOf(pool.Name);
        if (wanted is not null && pool.Contains(wanted) && !book.ByAddress.ContainsKey(wanted)) return wanted;
        while (book.Next < pool.Size)
        {
            var address = pool.At(book.Next++);
            if (!book.ByAddress.ContainsKey(address)) return address;
        }

        return null;
    }

    private Lease Grant(AddressPool pool, IPAddress address, LeaseRequest request)
    {
        var book = BookOf(pool.Name);
        if (book.ByAddress.TryGetValue(address, out var entry) && entry.Identity != request.Identity)
        {
            Remove(book, address, entry);
            entry = null;
        }

        if (entry is null) Put(book, address, entry = new Entry { Identity = request.Identity });
        Wake(book, entry);
        return new Lease(pool.Name, address, pool.Attributes);
    }

    private static void Wake(Book book, Entry entry)
    {
        entry.Online = true;
        if (entry.Idle is { } idle) book.Idle.Remove(idle);
        entry.Idle = null;
    }

    private static void Put(Book book, IPAddress address, Entry entry)
    {
        book.ByAddress.Add(address, entry);
        if (!book.ByIdentity.TryGetValue(entry.Identity, out var addresses)) book.ByIdentity.Add(entry.Identity, addresses = []);
        addresses.Add(address);
    }

    private static void Remove(Book book, IPAddress address, Entry entry)
    {
        book.ByAddress.Remove(address);
        if (entry.Idle is { } idle) book.Idle.Remove(idle);
        var addresses = book.ByIdentity[entry.Identity];
        addresses.Remove(address);
        if (addresses.Count == 0) book.ByIdentity.Remove(entry.Identity);
    }

    private (string Pool, IPAddress Address, Book Book, Entry Entry)? FindEntry(IPAddress address)
    {
        (string, IPAddress, Book, Entry)? found = null;
        foreach (var (name, book) in _books)
        {
            if (!book.ByAddress.TryGetValue(address, out var entry)) continue;
            if (entry.Online) return (name, address, book, entry);
            found ??= (name, address, book, entry);
        }

        // A pool that is configured no more may remember it too.
        return found;
    }

    private Book BookOf(string pool)
    {
        if (!_books.TryGetValue(pool, out var book)) _books.Add(pool, book = new Book());
        return book;
    }
}
