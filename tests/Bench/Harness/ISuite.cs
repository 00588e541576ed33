namespace Gateway.Bench.Harness;

/// <summary>A named family of cases. To add one: write the class, and add a line to the table in Program.cs.</summary>
internal interface ISuite
{
    string Name { get; }

    void Run(Report report);
}
