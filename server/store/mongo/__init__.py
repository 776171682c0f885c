"""The store on MongoDB: a replica set, majority and journaled writes, one document for each resource with its terms inside."""
